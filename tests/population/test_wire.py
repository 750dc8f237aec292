import torch
from hypothesis import given
from hypothesis import strategies as st

from archipelago.population.wire import Ledger, length, serialise

TYPES = st.sampled_from(
    [torch.float32, torch.float16, torch.float64, torch.int32, torch.int64, torch.uint8, torch.bool]
)
SHAPES = st.lists(st.integers(0, 9), max_size=3)


@st.composite
def messages(draw):
    parts = draw(st.dictionaries(st.sampled_from(["weights", "mask", "indices", "values"]), st.tuples(TYPES, SHAPES)))
    return {kind: torch.ones(shape, dtype=dtype) for kind, (dtype, shape) in parts.items()}


@given(messages())
def test_the_bytes_counted_are_the_length_of_what_is_serialised(message):
    ledger = Ledger()
    ledger.send("up", message)
    assert ledger.take().get("bytes_up", 0) == len(serialise(message)) == sum(map(length, message.values()))


def test_truth_values_travel_as_bits_and_numbers_as_they_are():
    mask = torch.tensor([True, False, False, True, True, True, True, True, True])
    assert serialise({"mask": mask, "weights": torch.tensor([1.5])}) == b"\x9f\x80" + b"\x00\x00\xc0\x3f"
    assert serialise({"rows": torch.arange(4, dtype=torch.uint8).view(2, 2).T}) == b"\x00\x02\x01\x03"


def test_a_ledger_tells_directions_and_kinds_apart_and_starts_anew():
    ledger = Ledger()
    message = {"weights": torch.zeros(10), "mask": torch.zeros(10, dtype=torch.bool)}
    assert ledger.send("up", message) is message
    ledger.send("down", {"weights": torch.zeros(3)}, receivers=4)
    assert ledger.take() == {"bytes_up": 42, "bytes_down": 48}
    assert ledger.take() == {}
    ledger.send("up", message)
    assert ledger.take(kinds=True) == {"bytes_up_weights": 40, "bytes_up_mask": 2}
