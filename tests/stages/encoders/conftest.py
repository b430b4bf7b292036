"""Real photographs, the shipped encoders, and small random models in the formats people have."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from stages.encoders.efficientnet_lite import EfficientNetLite0, load_efficientnet_lite0
from stages.encoders.packaged import packaged_path
from stages.encoders.sentence_transformer import TransformerText, load_minilm


@pytest.fixture(scope="session")
def photographs() -> dict[str, np.ndarray]:
    """`china` (a pagoda over a lake) and `flower` (a dahlia), uint8 [427, 640, 3]; CC-BY 2.0."""
    folder = packaged_path("sklearn", "datasets/images", distribution="scikit-learn")
    return {
        name: np.array(Image.open(folder / f"{name}.jpg").convert("RGB"))
        for name in ("china", "flower")
    }


@pytest.fixture(scope="session")
def frames(photographs: dict[str, np.ndarray]) -> Tensor:
    """Both photographs as uint8 [2, 96, 160, 3]."""
    small = [Image.fromarray(image).resize((160, 96)) for image in photographs.values()]
    return torch.from_numpy(np.stack([np.asarray(image) for image in small]))


@pytest.fixture(scope="session")
def lite() -> EfficientNetLite0:
    """The plain lite encoder. Tests that change it work on a copy."""
    return load_efficientnet_lite0()


@pytest.fixture(scope="session")
def minilm() -> TransformerText:
    return load_minilm()


@pytest.fixture(scope="session")
def resnet_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random image classifier as `save_pretrained` writes it."""
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(3)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[16, 32, 64, 96], depths=[2, 1, 2, 1])
    model = ResNetForImageClassification(config)
    randomise_norms(model)
    folder = tmp_path_factory.mktemp("models") / "resnet"
    model.save_pretrained(folder)
    statistics = {"image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.25, 0.3]}
    (folder / "preprocessor_config.json").write_text(json.dumps(statistics))
    return folder


@pytest.fixture(scope="session")
def roberta_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random RoBERTa with a byte-level BPE tokenizer trained on a few sentences."""
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "roberta"
    bpe = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    corpus = ["a brown dog barking", "the red fish on the left", "a truck on the road"] * 3
    bpe.train_from_iterator(corpus, vocab_size=300, special_tokens=special, show_progress=False)
    folder.mkdir()
    bpe.save_model(str(folder))
    tokenizer = RobertaTokenizerFast.from_pretrained(str(folder), model_max_length=20)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(4)
    config = RobertaConfig(
        vocab_size=300,
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
    )
    RobertaModel(config).save_pretrained(folder)
    return folder


def randomise_norms(module: torch.nn.Module) -> None:
    """Give batch norms statistics and affine terms that a wrong fold or name would show."""
    for norm in module.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
            torch.nn.init.uniform_(norm.bias, -0.5, 0.5)
            torch.nn.init.uniform_(norm.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(norm.running_var, 0.5, 2.0)
