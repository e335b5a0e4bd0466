"""The usual image of a condition: every voxel's chance of a hit, and its mean share of the energy."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

RAREST = 1e-4  # chance of a hit that a voxel starts from, where the sample has none
LEAST = 1e-7  # likewise the share
SPREAD_OF_SHARES = 0.3  # of the inner voxels' shares, relatively: those of all together weigh 1 / square


class MeanImage(nn.Module):
    """Chances and mean shares as functions of features, through a latent vector of few numbers.

        latent = tanh(trunk(features));  logit of the chance, log of the share = linear in the latent

    Parameters
    ----------
    features
        How many there are, F.
    hidden
        Width of the trunk's two hidden layers.
    latent
        Length of the latent vector, R.
    voxels
        Of an image, V.
    """

    def __init__(self, features: int, hidden: int, latent: int, voxels: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Linear(features, hidden),
            nn.SiLU(),
            nn.Linear(hidden, hidden),
            nn.SiLU(),
            nn.Linear(hidden, latent),
            nn.Tanh(),
        )
        self.hit = nn.Linear(latent, voxels)
        self.share = nn.Linear(latent, voxels)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Logit of the chance of a hit, and log of the mean share, hit or not, [N, V] each."""
        latent = self.trunk(features)
        return self.hit(latent), self.share(latent)

    def loss(self, features: Tensor, images: Tensor, valid: Tensor) -> Tensor:
        """How far the usual images are from showers, in nats each; least for the true chances and means.

        It adds up the negative log-likelihoods of hits and of exponentially distributed shares of hits, and
        the cross-entropy of the shares. The second sees relative errors, outer voxels' like inner ones'; the
        third adds the precision that inner voxels allow.

        Parameters
        ----------
        features
            [N, F].
        images
            Visible energy, [N, V].
        valid
            Voxels that count, bool [N, V].

        Returns
        -------
        Tensor
            [N].
        """
        logit, log_share = self(features)
        hit = (images > 0) & valid
        share = images / images.sum(1, keepdim=True).clamp(min=LEAST)
        hits = functional.binary_cross_entropy_with_logits(logit, (images > 0).to(logit), reduction="none")
        of_hits = log_share - functional.logsigmoid(logit)  # a hit's own mean share
        shares = of_hits + share * torch.exp(-of_hits.clamp(min=-20.0))
        entropy = -(share * valid * torch.log_softmax(log_share, 1)).sum(1)
        loss: Tensor = (hits * valid + shares * hit).sum(1) + entropy / SPREAD_OF_SHARES**2
        return loss

    @torch.no_grad()
    def fit(self, images: Tensor) -> None:
        """Start from the mean of a sample's showers [N, V]."""
        total = images.sum(1, keepdim=True)
        chance = (images > 0).float().mean(0)
        share = (images / total.clamp(min=LEAST)).mean(0)
        self.hit.bias.copy_(torch.logit(chance.clamp(RAREST, 1 - RAREST)))
        self.share.bias.copy_(torch.log(share + LEAST))
