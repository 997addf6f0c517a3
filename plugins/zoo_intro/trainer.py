"""The trainer of the NumPy perceptron: mini-batch gradient descent with momentum, keeping the best epoch on validation."""

import math
import time

import numpy as np

from zoo.seeds import derived_seed
from zoo.training import Epoch, TrainingJob, TrainingProgress, TrainResult
from zoo_intro.mlp_numpy import SGD, as_vectors, train_epoch


def train(job: TrainingJob) -> TrainResult:
    """Train `zoo_intro.mlp_numpy:MLP` by a recipe with optimizer `sgd`; the learning rate changes from epoch to epoch.

    It takes seconds, so there is no checkpoint: a killed training starts anew, and ends with the same weights.
    """
    recipe = job.recipe
    model = job.build_model()
    schedule = job.techniques.one("schedule")
    sgd = SGD(model, recipe.optimizer.lr, recipe.optimizer.momentum, recipe.optimizer.weight_decay)
    x = as_vectors(job.train_inputs.batch(range(len(job.train_inputs))).numpy())
    labels = job.train_inputs.targets.numpy()
    steps = math.ceil(len(x) / recipe.batch_size)
    history: list[Epoch] = []
    best, state = -1, model.state_dict()
    for number in range(1, recipe.epochs + 1):
        started = time.perf_counter()
        rng = np.random.default_rng(derived_seed(recipe.seed, number))
        sgd.lr = recipe.optimizer.lr * schedule.factor(number - 1, recipe.epochs)
        loss = train_epoch(model, sgd, x, labels, recipe.batch_size, rng)
        score = job.validate(model)
        history.append(Epoch(epoch=number, loss=loss, score=score, seconds=time.perf_counter() - started))
        if best < 0 or job.better(score, history[best].score):
            best, state = number - 1, model.state_dict()
        job.report(TrainingProgress(number, recipe.epochs, steps, steps, loss, score))
    return TrainResult(state, history[best].epoch, history[best].score, tuple(history))
