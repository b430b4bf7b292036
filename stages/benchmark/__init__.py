"""What `make bench` measures: ratios taken side by side in one run, a module a section."""

# In the order they run. Section `head` is the function `rows` of stages/benchmark/head_rows.py.
SECTIONS = ("encoder", "cache", "head", "train", "predict", "score")
