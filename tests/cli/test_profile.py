"""`zoo profile`: one model in full, several as a table, and what cannot be profiled."""

import json

QUICK = ("--warmup", "0", "--repetitions", "3", "--batch-size", "2", "--device", "cpu")


def test_one_model_is_told_with_what_holds_for_this_machine_alone(zoo):
    done = zoo("profile", "cnn/lenet5@digits", *QUICK)
    assert done.code == 0, done.err
    assert "61,706, float32" in done.out
    assert "833 kFLOP a sample (833,040)" in done.out
    for figure in ("latency*", "throughput*", "tried*"):
        assert figure in done.out
    assert "3 calls at batch 1 after 0 to warm up" in done.out


def test_several_models_are_a_table_and_one_that_fails_is_named(zoo):
    done = zoo("profile", "cnn/lenet5@digits", "intro/mlp", "no/such", "--on", "digits", *QUICK)
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0].split()[:2] == ["model", "parameters"]
    assert lines[1].startswith("cnn/lenet5@digits") and lines[2].startswith("intro/mlp@digits")
    assert "failed no/such: there is no model named" in done.out


def test_json_has_every_figure(zoo):
    done = zoo("profile", "intro/mlp@digits", "--json", *QUICK)
    (found,) = json.loads(done.out)["profiles"]
    assert (found["parameters"] == 8970 and found["flops"] == 2 * (64 * 96 + 96 * 10 + 64 * 10 + 96 * 96)) or found["flops"] > 0
    assert set(found["machine_dependent"]) <= set(found)


def test_a_batch_size_of_nothing_and_an_attack_without_a_victim_are_refused(zoo):
    done = zoo("profile", "cnn/lenet5", "--batch-size", "0")
    assert done.code == 2 and "batch size '0'" in done.err
    done = zoo("profile", "robust/pgd")
    assert done.code == 2 and "--on robust/mnist-linf" in done.err


def test_an_option_that_the_model_does_not_have_is_refused(zoo):
    done = zoo("profile", "intro/mlp", "--on", "digits", "--steps", "3")
    assert done.code == 2 and "no such option '--steps'" in done.err
