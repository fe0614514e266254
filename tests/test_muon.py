"""Muon: orthogonal updates of matrices, Adam's of vectors, and its state."""

import pickle

import numpy as np
import pytest
import torch
from small import assert_same_weights, colour, small_cae
from torch import nn

from sklearn_cae.networks import ResUNet
from sklearn_cae.training import Muon
from sklearn_cae.training._muon import ADAM_SIZE, N_ITERATIONS, QUINTIC, orthogonalize

X = colour(12)
SHAPES = {"square": (16, 16), "wide": (8, 40), "tall": (40, 8), "one row": (1, 9)}


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def parameter(*shape, seed=0):
    """A parameter of random values with a random gradient."""
    made = nn.Parameter(draw(*shape, seed=seed))
    made.grad = draw(*shape, seed=seed + 1)
    return made


def step_of(made, weight_decay=0, **options):
    """What a first step adds to a parameter that does not shrink."""
    before = made.detach().clone()
    Muon([made], weight_decay=weight_decay, **options).step()
    return made.detach() - before


# --- orthogonal matrices


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (1, 9), (32, 288)], ids=str)
def test_singular_values_become_about_one(shape):
    values = torch.linalg.svdvals(orthogonalize(draw(20, *shape)))
    assert 0.6 < values.min() < values.max() < 1.2


def test_singular_values_of_square_matrices_become_about_one_but_for_the_smallest():
    given = draw(20, 16, 16)
    values = torch.linalg.svdvals(orthogonalize(given))
    # Five iterations of a factor of 3.4 bring those of a share of 1 / 3.4^5 of the norm up to 0.6
    # and more; square matrices have smaller ones too.
    norms = given.norm(dim=(1, 2))[:, None]
    large = torch.linalg.svdvals(given) > norms / QUINTIC[0] ** N_ITERATIONS
    assert 0.6 < values[large].min() < values.max() < 1.25
    assert large.float().mean() > 0.95


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_singular_vectors_are_kept(shape):
    (matrix,) = matrices = draw(1, *shape)
    product = matrix.mT @ orthogonalize(matrices)[0]
    # U S V^T times U S' V^T is symmetric. float32 rounds.
    torch.testing.assert_close(product, product.mT, rtol=0, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_batch_is_made_orthogonal_as_each_alone(shape):
    matrices = draw(4, *shape)
    alone = torch.cat([orthogonalize(matrix[None]) for matrix in matrices])
    # float32 rounds in another order.
    torch.testing.assert_close(orthogonalize(matrices), alone, rtol=0, atol=1e-5)


def test_the_size_of_a_matrix_does_not_matter():
    matrices = draw(1, 6, 9)
    expected = orthogonalize(matrices)
    torch.testing.assert_close(orthogonalize(1e4 * matrices), expected, rtol=0, atol=1e-5)


def test_a_matrix_of_zeros_stays_zero():
    assert not orthogonalize(torch.zeros(1, 4, 6)).any()


# --- steps


@pytest.mark.parametrize("shape", [(8, 40), (8, 4, 3, 3), (8, 4, 1, 1)], ids=str)
def test_a_step_is_the_orthogonal_matrix_of_the_gradient(shape):
    made = parameter(*shape)
    rows = made.grad.reshape(1, shape[0], -1)
    size = ADAM_SIZE * max(rows.shape) ** 0.5
    expected = -0.01 * size * orthogonalize(rows).reshape(shape)
    torch.testing.assert_close(step_of(made, lr=0.01), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shape", [(64, 64), (32, 32, 3, 3)], ids=str)
def test_a_step_has_the_size_of_one_of_adam(shape):
    # Adam's updates are 0.2 to 0.4 of the rate (Liu et al., 2025); ours 0.2 if all singular values
    # were 1, of which they are 0.7 to 1.2.
    size = step_of(parameter(*shape), lr=1.0).square().mean().sqrt()
    assert 0.2 * 0.7 < size < 0.2 * 1.2


def test_matrices_shrink_and_vectors_do_not():
    for made, share in ((parameter(4, 6), 0.01 * 0.4), (parameter(6), 0)):
        before = made.detach().clone()
        made.grad.zero_()
        expected = -share * before
        torch.testing.assert_close(step_of(made, lr=0.01, weight_decay=0.4), expected)


def test_momentum_is_that_of_nesterov():
    made = parameter(6, 10)
    first, second = made.grad.clone(), draw(6, 10, seed=7)
    optimizer = Muon([made], lr=0.01, momentum=0.9, weight_decay=0)
    optimizer.step()
    before = made.detach().clone()
    made.grad = second
    optimizer.step()
    direction = second + 0.9 * (0.9 * first + second)
    expected = -0.01 * ADAM_SIZE * 10**0.5 * orthogonalize(direction[None])[0]
    torch.testing.assert_close(made.detach() - before, expected, rtol=1e-4, atol=1e-6)


def test_matrices_of_one_shape_step_together_as_each_alone():
    together = [parameter(8, 4, 3, 3), parameter(8, 36, seed=3), parameter(4, 8, seed=5)]
    alone = [parameter(8, 4, 3, 3), parameter(8, 36, seed=3), parameter(4, 8, seed=5)]
    Muon(together).step()
    for one in alone:
        Muon([one]).step()
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(7,), ()], ids=str)
def test_vectors_step_as_those_of_adam(shape):
    ours, adams = parameter(*shape), parameter(*shape)
    muon = Muon([ours], lr=0.01, betas=(0.8, 0.95))
    adam = torch.optim.Adam([adams], lr=0.01, betas=(0.8, 0.95), eps=1e-8)
    for seed in range(5):
        ours.grad, adams.grad = draw(*shape, seed=seed), draw(*shape, seed=seed)
        muon.step()
        adam.step()
    torch.testing.assert_close(ours, adams, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("shape", [(6, 9), (5,)], ids=str)
def test_a_step_is_proportional_to_the_rate(shape):
    one, ten = step_of(parameter(*shape), lr=0.01), step_of(parameter(*shape), lr=0.1)
    torch.testing.assert_close(10 * one, ten, rtol=1e-4, atol=1e-6)


def test_each_group_has_its_own_rate():
    fast, slow = parameter(6, 9), parameter(6, 9)
    before = fast.detach().clone()
    Muon([{"params": [fast], "lr": 0.1}, {"params": [slow]}], lr=0.01).step()
    torch.testing.assert_close(fast - before, 10 * (slow - before), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("shape", [(6, 9), (4, 2, 3, 3), (5,)], ids=str)
def test_a_gradient_of_zeros_changes_nothing(shape):
    made = parameter(*shape)
    made.grad.zero_()
    assert not step_of(made).any()


def test_parameters_without_a_gradient_are_left_alone():
    made, other = parameter(6, 9), parameter(6, 9)
    made.grad = None
    before = made.detach().clone()
    optimizer = Muon([made, other])
    optimizer.step()
    assert torch.equal(made, before)
    assert made not in optimizer.state


def test_a_closure_gives_the_loss_and_the_gradients():
    made = nn.Parameter(draw(3, 4))

    def closure():
        loss = made.square().sum()
        loss.backward()
        return loss

    before = made.detach().clone()
    assert Muon([made]).step(closure) == before.square().sum()
    assert not torch.equal(made, before)


def test_without_a_closure_there_is_no_loss():
    assert Muon([parameter(3, 4)]).step() is None


# --- its state


def trained(made, optimizer, seeds):
    for seed in seeds:
        for one in made:
            one.grad = draw(*one.shape, seed=seed)
        optimizer.step()
    return made


def test_training_goes_on_from_its_pickled_state():
    made = [parameter(6, 9), parameter(5)]
    optimizer = Muon(made)
    trained(made, optimizer, range(3))
    other = [nn.Parameter(one.detach().clone()) for one in made]
    fresh = Muon(other, lr=1.0)
    fresh.load_state_dict(pickle.loads(pickle.dumps(optimizer.state_dict())))
    trained(made, optimizer, range(3, 6))
    trained(other, fresh, range(3, 6))
    for one, two in zip(made, other, strict=True):
        assert torch.equal(one, two)


def test_training_with_it_is_the_same_each_time():
    assert_same_weights(muon_cae().fit(X), muon_cae().fit(X))


def muon_cae(**params):
    # Biases and normalisation are vectors.
    return small_cae(optimizer="muon", lr_schedule="constant", max_epochs=2, **params)


@pytest.mark.parametrize("go_on", ["fit", "partial_fit"])
def test_an_estimator_trains_on_after_pickling_as_without(go_on):
    cae = muon_cae(warm_start=True).fit(X)
    opened = pickle.loads(pickle.dumps(cae))
    assert_same_weights(getattr(opened, go_on)(X), getattr(cae, go_on)(X))


def test_an_estimator_keeps_the_momentum():
    cae = muon_cae(warm_start=True).fit(X)
    before = pickle.loads(pickle.dumps(cae)).net_.optimizer_.state_dict()["state"]
    for name, state in cae.net_.optimizer_.state_dict()["state"].items():
        for key, value in state.items():
            assert torch.equal(before[name][key], value), key


# --- which optimizer and rate a network has


@pytest.mark.parametrize(
    ("network", "params", "optimizer", "lr"),
    [
        (None, {}, "adam", 1e-2),
        ("unet", {}, "adam", 1e-2),
        (ResUNet((4,), blocks=1), {}, "muon", 8e-3),
        (ResUNet((4,), blocks=1), {"optimizer": "adam"}, "adam", 8e-3),
        (ResUNet((4,), blocks=1), {"lr": 0.5}, "muon", 0.5),
        ("unet", {"optimizer": "muon", "lr": 1e-3}, "muon", 1e-3),
    ],
    ids=str,
)
def test_auto_is_that_of_the_network_and_what_is_given_wins(network, params, optimizer, lr):
    cae = small_cae(network, **params).partial_fit(X[:4])
    assert (cae.optimizer_, cae.net_.lr) == (optimizer, lr)
    assert (type(cae.net_.optimizer_) is Muon) == (optimizer == "muon")
    assert np.isfinite(cae.history_["train_loss"]).all()
