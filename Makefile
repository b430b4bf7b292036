# Everything from a fresh clone: `make demo` and `make test` need Python 3.11+, git and make only.
#
# Data, features and training are always called: each is a cheap no-op when nothing changed, and
# only it knows. Its stamp is rewritten only if what it made is new, and what comes later depends
# on the stamp, so that a second `make demo` does nothing.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# ---- variables; each can be given: make train FOLD=2 CONFIG=paper DATA=my/dataset
PYTHON ?= python3
WORK ?= work
VIDEOS ?= 60
DATA ?= $(SAMPLE)
FOLD ?= 1
CONFIG ?= lite
RUN ?= $(WORK)/runs/$(notdir $(DATA))-$(basename $(notdir $(CONFIG)))-fold$(FOLD)
DEVICE ?= auto
SET ?=
SAMPLE := $(WORK)/data/sample

# Evaluating, scoring and reporting takes a trained run as it is: the one named, or without a name
# the newest, as `fsrvos` does; on the dataset and fold that it was trained for, unless others are
# named.
ifeq ($(filter demo sample-full train,$(MAKECMDGOALS)),)
ifeq ($(origin RUN)$(origin CONFIG)$(origin FOLD)$(origin DATA),filefilefilefile)
TRAINED := $(patsubst %/model.safetensors,%,$(firstword \
    $(shell ls -t $(WORK)/runs/*/model.safetensors 2>/dev/null)))
else ifneq ($(origin RUN),file)
TRAINED := $(if $(filter file,$(origin CONFIG)),$(patsubst %/model.safetensors,%,\
    $(wildcard $(RUN)/model.safetensors)))
endif
endif
ifneq ($(TRAINED),)
RUN := $(TRAINED)
RUN_DATA := $(if $(filter-out file,$(origin DATA)),--data $(DATA))
RUN_FOLD := $(if $(filter-out file,$(origin FOLD)),--fold $(FOLD))
endif

VENV := .venv
INSTALLED := $(VENV)/installed
RUFF := $(VENV)/bin/ruff
PYTEST := $(VENV)/bin/python -m pytest
FSRVOS := $(VENV)/bin/fsrvos
STAMPS := $(WORK)/stamps
# Each command is given what it reads of SET, and takes anything else for an error.
SETS := $(foreach pair,$(SET),--set $(pair))
FEATURE_SETS := $(foreach pair,$(filter encoder.% features.%,$(SET)),--set $(pair))
EVALUATE_SETS := $(foreach pair,$(filter evaluate.% features.stored=% encoder.vision=% \
    encoder.text=%,$(SET)),--set $(pair))
PREDICTED := $(WORK)/predict/$(notdir $(RUN))
SHOWN := $(STAMPS)/shown-$(notdir $(RUN))
# The first holds the folder of the evaluation, the second what it scored.
EVALUATED := $(STAMPS)/evaluated-$(notdir $(RUN))
SCORED := $(STAMPS)/scored-$(notdir $(RUN))

export FSRVOS_WORK := $(WORK)
export FSRVOS_CACHE ?= $(WORK)/cache

.PHONY: help install demo sample-full test test-slow check lint format types readme data features train \
    eval score predict report ablation table1 table2 table3 table4 bench clean distclean FORCE

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.* ## ' $(firstword $(MAKEFILE_LIST)) \
	  | sed -E 's/:.* ## /|/' | while IFS='|' read -r name text; do \
	      printf '  %-12s %s\n' "$$name" "$$text"; done
	@echo "Variables: DATA TEST FOLD CONFIG RUN WORK SET DEVICE VIDEOS METHODS TRAININGS, as in: make train FOLD=2 CONFIG=paper"

# ---- set-up

install: $(INSTALLED) ## make the virtual environment with pinned dependencies

# OpenCV's wheel needs libGL, which a bare machine lacks; its headless twin of the same version
# is the same module without windows.
$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet -c constraints.txt -e '.[dev]'
	$(VENV)/bin/python -c 'import cv2' 2>/dev/null || $(VENV)/bin/pip install --quiet --no-deps \
	  --force-reinstall -c constraints.txt opencv-python-headless
	touch $@

# ---- the whole way

demo: ## from nothing to scored masks: sample data, features, training, scores, overlay, report
	@$(MAKE) --no-print-directory CONFIG=demo pipeline

sample-full: ## as demo, with the longer training of CONFIG=full
	@$(MAKE) --no-print-directory CONFIG=full pipeline

.PHONY: pipeline
pipeline: $(SCORED) $(PREDICTED)/scores.json $(RUN)/report.html
	@if [ $(SHOWN) -nt $(RUN)/report.html ] && [ $(SHOWN) -nt $(PREDICTED)/scores.json ]; then \
	  echo; echo "Everything was done before; nothing was run again."; fi
	@touch $(SHOWN)
	@echo
	@cat $(SCORED)
	@echo
	@echo "run      $(RUN)"
	@echo "overlay  $$(ls $(PREDICTED)/*.mp4)"
	@echo "report   $(RUN)/report.html"

# ---- the stages

data: $(STAMPS)/data-$(notdir $(DATA)) ## render the sample dataset (other DATA is only looked for)
features: $(STAMPS)/features-$(notdir $(RUN)) ## fill the feature cache for DATA, FOLD and CONFIG
train: $(STAMPS)/train-$(notdir $(RUN)) ## train a run on DATA, FOLD and CONFIG
eval: $(SCORED) ## run and score every test episode of a run, with the controls
	@cat $<
	@echo "evaluation $$(cat $(EVALUATED))"
score: eval ## the same: the score of a run
report: $(RUN)/report.html ## write a run's HTML page
	@echo $(RUN)/report.html

# $(call keep,COMMAND): run COMMAND; rewrite the target only if what it prints is new.
define keep
	@mkdir -p $(dir $@)
	@$(1) > $@.new
	@if cmp --silent $@.new $@; then rm $@.new; else mv $@.new $@; fi
endef
# Fields of a JSON object on stdin.
PICK = $(VENV)/bin/python -c 'import json, sys; r = json.load(sys.stdin); print(*(r[k] for k in sys.argv[1:]))'

FORCE:

$(STAMPS)/data-$(notdir $(DATA)): FORCE $(INSTALLED)
ifeq ($(DATA),$(SAMPLE))
	@$(FSRVOS) data sample $(DATA) --videos $(VIDEOS) > /dev/null
	$(call keep,cat $(DATA)/sample.json)
else
	$(call keep,ls -d $(DATA))
endif

$(STAMPS)/features-$(notdir $(RUN)): FORCE $(STAMPS)/data-$(notdir $(DATA))
	$(call keep,$(FSRVOS) features --data $(DATA) --fold $(FOLD) --config $(CONFIG) \
	  $(FEATURE_SETS) --device $(DEVICE) --json | $(PICK) key text_key videos)

ifneq ($(TRAINED),)
$(STAMPS)/train-$(notdir $(RUN)): FORCE $(INSTALLED)
	@echo "taking $(RUN) as it is (RUN=... or CONFIG=... for another)"
else
$(STAMPS)/train-$(notdir $(RUN)): FORCE $(STAMPS)/features-$(notdir $(RUN))
	@$(FSRVOS) train --from-cache --data $(DATA) --fold $(FOLD) --run $(RUN) --config $(CONFIG) \
	  $(SETS) --device $(DEVICE)
endif
	$(call keep,sha256sum $(RUN)/model.safetensors)

$(STAMPS)/asked-$(notdir $(RUN)): FORCE
	$(call keep,echo "$(RUN_DATA) $(RUN_FOLD) $(EVALUATE_SETS)")

# Made again also where the evaluation's folder was removed.
$(EVALUATED): $(STAMPS)/train-$(notdir $(RUN)) $(STAMPS)/asked-$(notdir $(RUN)) \
    $(if $(wildcard $(shell cat $(EVALUATED) 2>/dev/null)/predictions.h5),,FORCE)
	$(FSRVOS) evaluate --run $(RUN) $(RUN_DATA) $(RUN_FOLD) $(EVALUATE_SETS) --device $(DEVICE) \
	  --json | $(PICK) evaluation > $@.new
	@mv $@.new $@

$(SCORED): $(EVALUATED)
	$(FSRVOS) score "$$(cat $<)" $(RUN_DATA) > $@.new
	@mv $@.new $@

$(RUN)/report.html: $(SCORED)
	$(FSRVOS) report "$$(cat $(EVALUATED))" --out $@

# A clip with two objects of a class that the run never saw, and the sentence of one of them.
EXAMPLE = $(VENV)/bin/python -c 'import json, pathlib, sys; \
  root, fold = pathlib.Path(sys.argv[1]), int(sys.argv[2]); \
  name = json.loads((root / "classes.json").read_text())[fold - 1]; \
  spoken = json.loads((root / "videos" / "sentences.json").read_text()); \
  print(root / f"videos/{name}_0001.mp4", root / "support" / name, spoken[f"{name}_0001"][0])'

$(PREDICTED)/scores.json: $(STAMPS)/train-$(notdir $(RUN))
	@read -r video support expression < <($(EXAMPLE) $(SAMPLE) $(FOLD)); set -x; \
	$(FSRVOS) predict "$$video" "$$expression" --support "$$support" --checkpoint $(RUN) \
	  -o $(PREDICTED) --device $(DEVICE)

ifdef VIDEO
predict: $(STAMPS)/train-$(notdir $(RUN))
	$(FSRVOS) predict "$(VIDEO)" "$(EXPRESSION)" --support "$(SUPPORT)" --checkpoint $(RUN) \
	  --device $(DEVICE)
else
predict: $(PREDICTED)/scores.json ## segment a clip of the sample set, or: VIDEO= EXPRESSION= SUPPORT=
	@ls $(PREDICTED)/*.mp4
endif

# ---- what it costs

bench: $(INSTALLED) ## measure speed and memory on an idle machine, beside their targets
	$(FSRVOS) bench --out $(WORK)/bench.json --device $(DEVICE)

# ---- what each option gives: one left out at a time, at equal steps, over training seeds

ABLATION_STEPS ?= 240
SEEDS ?= 0 1 2
LEFT_OUT ?= base affinity=none affinity=self similarity_prior=false support_background=false \
    clip_exchange=false dense_prior=false finer_maps=false train_affinity=false \
    fusion_residual=false sentence_queries=false sentence_word=false \
    affinity_support_frames=middle affinity_query_frames=middle shared_mask_divisor=true \
    power_log=true
ABLATION := $(WORK)/runs/ablation
ABLATED := $(foreach option,$(LEFT_OUT),$(foreach seed,$(SEEDS),$(ABLATION)/$(option)-seed$(seed)))
ABLATED_SCORES := $(patsubst $(ABLATION)/%,$(STAMPS)/ablated-%,$(ABLATED))

ablation: $(ABLATED_SCORES) ## train without each option of the network, over SEEDS
	@$(FSRVOS) report --table options $(ABLATED)
	@$(FSRVOS) report --table 4 $(filter $(ABLATION)/base-% $(ABLATION)/affinity=%,$(ABLATED))

# A run's folder is named by the option and the training seed.
$(STAMPS)/ablated-%: | $(STAMPS)/features-$(notdir $(RUN))
	@name=$*; run=$(ABLATION)/$*; option=$${name%-seed*}; seed=$${name##*-seed}; \
	option=$${option/#base/variant=default}; \
	$(FSRVOS) train --from-cache --data $(DATA) --fold $(FOLD) --run $$run --config demo \
	  --seed $$seed --set train.steps=$(ABLATION_STEPS) --set train.videos_per_step=3 \
	  --set evaluate.episodes_per_category=6 --set model.$$option $(SETS) --device $(DEVICE); \
	$(FSRVOS) evaluate --run $$run --data $(DATA) --fold $(FOLD) --no-controls --device $(DEVICE); \
	$(FSRVOS) score $$run --data $(DATA) > $@.new
	@mv $@.new $@

# ---- the paper's tables: every training and evaluation that is missing, then the table

TEST ?= $(DATA)
TRAININGS ?= 1
TABLE_FOLDS := $(if $(filter file,$(origin FOLD)),all,$(FOLD))
TABLE_CONFIG := $(if $(filter file,$(origin CONFIG)),small,$(CONFIG))

table1: ## the paper's table 1 with ours beside it, made on DATA with CONFIG (small by default)
table2: ## table 2: trained on DATA, tested on TEST
table3: ## table 3: methods without support, as trained and tuned on the support; TEST as above
table4: ## table 4: kinds of affinity
table1 table2 table3 table4: table%: $(STAMPS)/data-$(notdir $(DATA))
	@$(FSRVOS) table $* --data $(DATA) --test $(TEST) --fold $(TABLE_FOLDS) --seeds $(TRAININGS) \
	  --config $(TABLE_CONFIG) $(foreach method,$(METHODS),--method $(method)) $(SETS) \
	  --device $(DEVICE)

# ---- the code

check: lint types ## lint, types, and the rules of who may import whom
	$(VENV)/bin/lint-imports

lint: $(INSTALLED) ## check rules and format with ruff
	$(RUFF) check
	$(RUFF) format --check

format: $(INSTALLED) ## rewrite the code in the project's format
	$(RUFF) check --fix-only --quiet
	$(RUFF) format

types: $(INSTALLED) ## check types with mypy
	$(VENV)/bin/mypy

readme: $(INSTALLED) ## rewrite the README's folders and docs/code.md from the docstrings
	$(VENV)/bin/python tests/test_readme.py

test: check ## the checks, the unit tests and an end-to-end run on the tiny preset
	$(PYTEST) -n 2 -m 'not slow'

# Ray's wheel is large and only these tests need it.
$(VENV)/installed-slow: $(INSTALLED)
	$(VENV)/bin/pip install --quiet -c constraints.txt -e '.[dev,ray]'
	touch $@

test-slow: $(VENV)/installed-slow ## the tests that take minutes
	$(PYTEST) -m slow

# ---- cleaning

clean: ## remove everything made: data, cache, runs
	rm -rf $(WORK)/data $(WORK)/cache $(WORK)/runs $(WORK)/predict $(STAMPS) \
	  $(WORK)/bench.json $(WORK)/.bench-*

distclean: clean ## remove also the virtual environment and what the tools keep
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
