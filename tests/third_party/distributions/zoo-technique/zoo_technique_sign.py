"""Signs of gradients (Bernstein et al. 2018, arXiv:1802.04434), a rate that ends early, and sums that every process makes."""

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


class Collected(BaseModel):
    def check(self, recipe, build):
        pass

    def distribute(self, model):
        pass

    def optimizer(self, build, parameters):
        return build(parameters)

    def reduce(self, parameters):
        for parameter in parameters:
            each = [torch.empty_like(parameter) for _ in range(torch.distributed.get_world_size())]
            torch.distributed.all_gather(each, parameter.grad)
            parameter.grad = sum(each)
