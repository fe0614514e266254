"""Poisson counts, on a CPU in half of the time that torch takes."""

from functools import cache

import torch

from ._base import draw_uniform

# Rates up to so many photons are drawn by a table, which has so many rows for each photon.
LARGEST_RATE = 128
ROWS_PER_PHOTON = 8
# Counts in a row. They begin so far below its rate that what lies beyond them is less probable than
# a uniform number of float32 can tell, 2**-24.
N_COUNTS = 128
BELOW_RATE = 60
# What such a number has left to tell once it has chosen a count.
SHARES = 2**24 // N_COUNTS
# Counts of a rate of less than a row, of which more are as improbable.
LARGEST_REST = 5


def draw_poisson(rates, generator):
    """Draw a Poisson count for each rate.

    On a CPU a rate is split in two: the next lower row of a table, whose counts are drawn by the
    alias method [1]_, and a small rest, whose counts are drawn by inversion. The sum of two Poisson
    counts is one of the sum of their rates, so this is exact but for the 24 random bits of a
    uniform number.

    Parameters
    ----------
    rates : Tensor of shape (n, C, H, W)
        Expected counts, 0 or more.
    generator : torch.Generator or sequence of n of these
        Where numbers come from; those of each image from its own.

    Returns
    -------
    counts : Tensor of the shape and dtype of ``rates``
        Counts.

    References
    ----------
    .. [1] M. D. Vose, "A linear algorithm for generating random numbers with a given distribution",
       IEEE Transactions on Software Engineering 17(9), 1991.
    """
    if not isinstance(generator, torch.Generator):
        draws = zip(rates, generator, strict=True)
        return torch.stack([draw_poisson(rate, one) for rate, one in draws])
    if not _in_table(rates):
        return torch.poisson(rates, generator)
    row = (rates * ROWS_PER_PHOTON).floor_()
    rest = torch.sub(rates, row, alpha=1 / ROWS_PER_PHOTON)
    return _count_of_rest(rest, generator).add_(_count_of_row(row, generator))


def _in_table(rates):
    # A GPU draws fast, and would be waited for to read the largest rate.
    return rates.device.type == "cpu" and bool(rates.max() <= LARGEST_RATE)


def _count_of_row(row, generator):
    """Draw by the alias method: a column at random, which holds two counts at most."""
    place = draw_uniform(row, generator).mul_(N_COUNTS)
    column = place.floor()
    cell = torch.add(column, row, alpha=N_COUNTS).int().flatten()
    own_count, own_share, other_count = (
        table.index_select(0, cell).reshape(row.shape) for table in _alias_table()
    )
    is_other = place.sub_(column).ge_(own_share)
    return own_count.lerp_(other_count, is_other)


def _count_of_rest(rest, generator):
    """Draw by inversion: count the values of the distribution function that a number reaches."""
    draw = draw_uniform(rest, generator).flatten()
    none = torch.exp(-rest).flatten()
    some = (draw >= none).nonzero().squeeze(1)  # Few: most rests have no count.
    rate, draw, probability = rest.flatten()[some], draw[some], none[some]
    below, count = probability.clone(), torch.ones_like(rate)
    for n in range(1, LARGEST_REST):
        probability *= rate / n
        below += probability
        count += draw >= below
    return torch.zeros_like(none).index_copy_(0, some, count).reshape(rest.shape)


@cache
def _alias_table():
    """Own count of each cell, its share there, and the other count, row after row."""
    row = torch.arange(LARGEST_RATE * ROWS_PER_PHOTON + 1)[:, None]
    first_count = (row // ROWS_PER_PHOTON - BELOW_RATE).clamp(min=0)
    count = first_count + torch.arange(N_COUNTS)
    rate = row.double() / ROWS_PER_PHOTON
    log_probability = torch.xlogy(count, rate) - rate - torch.lgamma(count.double() + 1)
    # In units of a column, which gets what it lacks from the fullest one.
    mass = N_COUNTS * torch.softmax(log_probability, dim=1)
    own_share, other_count = torch.ones_like(mass), count.clone()
    filled = torch.zeros_like(mass)
    for _ in range(N_COUNTS):
        least, column = (mass + filled).min(dim=1, keepdim=True)
        fullest = (mass - filled).argmax(dim=1, keepdim=True)
        own_share.scatter_(1, column, least)
        other_count.scatter_(1, column, count.gather(1, fullest))
        filled.scatter_(1, column, torch.inf)
        mass.scatter_add_(1, fullest, least - 1)
    own_share = (own_share * SHARES).round() / SHARES  # So 0 is never.
    return tuple(table.float().flatten() for table in (count, own_share, other_count))
