"""Signs of gradients (Bernstein et al. 2018, arXiv:1802.04434), and a rate that ends before the end."""

import torch
from pydantic import BaseModel, Field

from zoo.training import Expected


class SignSgd(BaseModel):
    scale: float = Field(default=1.0, gt=0, description="Factor of the rate.")

    def build(self, parameters, settings):
        return _SignSgd(parameters, {"lr": settings.lr * self.scale})

    def expected(self, network, before):
        return {"optimizer": Expected(bytes=0, formula="no state")}


class _SignSgd(torch.optim.Optimizer):
    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    parameter -= group["lr"] * parameter.grad.sign()


class Rest(BaseModel):
    until: float = Field(default=0.5, gt=0, le=1, description="Share of the steps that are taken.")

    def factor(self, step, steps):
        return float(step < self.until * steps)
