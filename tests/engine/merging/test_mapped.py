"""Files that are merged do not stay in memory, and their sums are those of float64."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from playground.engine.merging import mapped
from playground.engine.merging.averages import products
from playground.engine.merging.mapped import MappedFile
from playground.engine.merging.method import pieces

NAMES = [f"t{n}" for n in range(8)]


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Eight tensors of a MB, mapped anew after every second."""
    monkeypatch.setattr(mapped, "MOST_READ", 1 << 20)
    path = tmp_path / "model.safetensors"
    save_file({name: torch.full((1 << 18,), float(n)) for n, name in enumerate(NAMES)}, path)
    return path


def resident(path):
    """Bytes of a file that count as this process's memory."""
    total, mine = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        if "-" in line.split()[0]:
            mine = line.endswith(str(path))
        elif mine and line.startswith("Rss:"):
            total += int(line.split()[1]) * 1024
    return total


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux tells what is resident")
def test_a_file_that_was_read_does_not_stay_in_memory(file):
    with MappedFile(file) as opened:
        for n, name in enumerate(NAMES):
            assert float(opened.get_tensor(name).sum()) == n * (1 << 18)
            assert resident(file) <= 4 << 20
    assert resident(file) == 0


def test_tensors_outlive_the_mapping_that_they_were_read_from(file):
    with MappedFile(file) as opened:
        tensors = [opened.get_tensor(name) for name in NAMES]
    assert [float(tensor[-1]) for tensor in tensors] == list(range(8))


def test_a_file_that_is_taken_away_or_replaced_is_read_to_its_end(file):
    for other in (None, torch.zeros(3)):
        path = file.with_name("mine.safetensors")
        path.unlink(missing_ok=True)
        os.link(file, path)
        with MappedFile(path) as opened:
            first = float(opened.get_tensor(NAMES[0])[0])
            path.unlink()
            if other is not None:
                save_file(dict.fromkeys(NAMES[:1], other), path)
            rest = [float(opened.get_tensor(name)[0]) for name in NAMES[1:]]
        assert [first, *rest] == list(range(8))


def test_inner_products_are_those_of_float64_however_large_the_numbers():
    draws = torch.Generator().manual_seed(0)
    for size in (1.0, 1e25, 1e-25, 0.0):
        vectors = [torch.randn(2000, 1000, generator=draws) * size for _ in range(3)]
        rows = torch.stack([vector.flatten().double() for vector in vectors])
        wanted = rows @ rows.T
        found = products(*map(pieces, vectors))
        lengths = wanted.diagonal().sqrt()
        assert found.dtype == torch.float64
        assert torch.equal(found, found.T)
        assert bool(((found - wanted).abs() <= 1e-8 * torch.outer(lengths, lengths)).all())
