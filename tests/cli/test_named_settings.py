"""`--NAME VALUE` of a model's options, a protocol's settings and other models, by name."""

import pytest

VICTIM = ("--on", "digits", "--victim", "intro/mlp", "--limit", "20")


def test_options_settings_and_other_models_are_given_by_name(zoo):
    done = zoo("run", "robust/pgd", *VICTIM, "--eps", "8/255", "--norm", "linf", "--steps", "3", "--step-size=2/255", "--json")
    record = done.json["record"]
    assert done.code == 0
    assert (record["protocol"]["norm"], record["protocol"]["eps"]) == ("linf", 8 / 255)
    assert record["protocol"]["aux"] == {"victim": "intro/mlp@digits"}
    assert (record["model"]["options"]["steps"], record["model"]["options"]["step_size"]) == (3, 2 / 255)
    assert record["aux"]["victim"]["weights_sha256"]


def test_they_are_the_same_as_those_of_option_and_aux(zoo):
    named = zoo("run", "robust/pgd", *VICTIM, "--steps", "3", "--json").json["record"]
    written = ("--on", "digits", "--aux", "victim=intro/mlp", "--limit", "20", "--option", "steps=3")
    assert zoo("run", "robust/pgd", *written, "--json").json["record"]["key"] == named["key"]


def test_they_may_stand_before_the_model(zoo):
    assert (
        zoo("run", "--steps", "3", "--victim", "intro/mlp", "--limit", "20", "robust/pgd", "--on", "digits", "--json").code == 0
    )


def test_what_they_set_is_shown(zoo):
    out = zoo("run", "robust/pgd", *VICTIM, "--eps", "0.1", "--steps", "2").out
    assert "norm=linf, eps=0.1, save_inputs=False, bpda=True, victim=intro/mlp@digits" in out


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (("robust/pgd", *VICTIM, "--stepz", "3"), "no such option '--stepz'", "did you mean --steps"),
        (("robust/pgd", *VICTIM, "--epz", "3"), "no such option '--epz'", "--eps"),
        (("robust/pgd", *VICTIM, "--what", "3"), "no such option '--what'", "the model takes --steps, --step-size"),
        (("robust/pgd", *VICTIM, "--limt", "3"), "no such option '--limt'", "did you mean --limit"),
        (("robust/pgd", *VICTIM, "--steps"), "option '--steps' needs a value", "--steps VALUE"),
        (("robust/pgd", *VICTIM, "--steps", "many"), "steps of robust/pgd", "its options are"),
        (("robust/pgd", *VICTIM, "--eps", "8/0"), "a fraction such as 8/255", "its settings are"),
        (("robust/pgd", "--on", "digits"), "needs a victim", "--victim MODEL"),
        (("robust/pgd", "--on", "digits", "--aux", "victim"), "cannot read --aux 'victim'", "ROLE=MODEL"),
        (("intro/mlp", "--on", "digits", "--eps", "0.1"), "no such option '--eps'", "zoo run --help"),
        (("intro/mlp", "--fersh", "--on", "digits"), "no such option '--fersh'", "did you mean --fresh"),
        (("--fersh", "intro/mlp"), "no such option '--fersh'", "did you mean --fresh"),
    ],
)
def test_names_and_values_that_cannot_be_are_user_errors(zoo, arguments, message, hint):
    done = zoo("run", *arguments, "--json")
    assert done.code == 2
    assert message in done.json["error"]["message"]
    assert hint in done.json["error"]["hint"]
