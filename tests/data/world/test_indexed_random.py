"""Numbers that an index alone decides."""

from __future__ import annotations

import torch

from workbench.data.world.indexed_random import IndexedGenerator, mix_bits

INDEX = torch.arange(4000)


def test_the_hash_is_splitmix64():
    # the generator's published first outputs for the seed 1234567: each is the mix of the seed plus k times gamma
    gamma = 0x9E3779B97F4A7C15
    states = [(1234567 + k * gamma) % 2**64 for k in (1, 2, 3)]
    signed = torch.tensor([s - 2**64 if s >= 2**63 else s for s in states])
    found = [int(v) % 2**64 for v in mix_bits(signed)]
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_a_number_depends_on_its_own_index_seed_and_stream_alone():
    whole = IndexedGenerator(3, INDEX).random("a", 2)
    assert torch.equal(IndexedGenerator(3, INDEX[7:9]).random("a", 2), whole[7:9])
    assert not torch.equal(IndexedGenerator(4, INDEX).random("a", 2), whole)
    assert not torch.equal(IndexedGenerator(3, INDEX).random("b", 2), whole)


def test_numbers_are_uniform_and_uncorrelated():
    first, second = IndexedGenerator(0, INDEX).random("x", 2).double().unbind(1)
    other = IndexedGenerator(0, INDEX).random("y")[:, 0].double()
    for u in (first, second, other):
        # four standard errors of the mean and of the variance of 4,000 uniform numbers
        assert abs(u.mean() - 0.5) < 4 * (1 / 12) ** 0.5 / 4000**0.5
        assert abs(u.var() - 1 / 12) < 4 * (1 / 180) ** 0.5 / 4000**0.5
    pairs = ((first, second), (first, other), (first[1:], first[:-1]))
    assert all(abs(float(torch.corrcoef(torch.stack(p))[0, 1])) < 4 / 4000**0.5 for p in pairs)


def test_normal_numbers_have_mean_0_and_deviation_1():
    z = IndexedGenerator(0, INDEX).normal("z", 2)
    assert abs(float(z.mean())) < 0.05 and abs(float(z.std()) - 1) < 0.04


def test_dealing_gives_every_class_once_in_each_block():
    hands = (IndexedGenerator(5, INDEX[: 32 * 20]).stratified("shape", 32) * 32).long().view(20, 32)
    assert torch.equal(hands.sort(1).values, torch.arange(32).expand(20, 32))
    assert not torch.equal(hands[0], hands[1])
