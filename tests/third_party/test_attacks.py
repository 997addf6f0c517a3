"""A stranger's attack, really installed, among the attacks of `robust/worst-of`: scored, recorded, and known to the run's key."""

import pytest

pytestmark = pytest.mark.slow

ATTACKS = "robust/fgsm,momentum/mifgsm:steps=3,decay=0.9"
RUN = ["run", "robust/worst-of", "--on", "digits", "--victim", "intro/mlp", "--eps", "0.02", "--limit", "60", "--json"]


@pytest.fixture(scope="module")
def attackers(pristine, wheels, tmp_path_factory):
    base = tmp_path_factory.mktemp("attackers")
    made = pristine.copy(base / "environment", base / "home")
    made.install(wheels["zoo-momentum"])
    made.age()
    return made


def attacked(environment, attacks=ATTACKS):
    done = environment.zoo(*RUN, "--attacks", attacks)
    assert done.code == 0, done.err
    return done.json


def scores(run):
    return {result["metric"]: result["value"] for result in run["results"]}


def test_it_joins_the_others_and_the_worst_case_of_each_sample_counts(attackers):
    together, own, alone = (attacked(attackers, a) for a in (ATTACKS, "momentum/mifgsm:steps=3,decay=0.9", "robust/fgsm"))
    robust = [scores(run)["robust-accuracy"] for run in (together, own, alone)]
    assert robust[0] <= min(robust[1:]) < scores(together)["clean-accuracy"]
    assert len(together["results"]) == 6  # one figure each: never a mean over attacks


def test_it_is_in_the_record_and_an_edit_of_its_source_is_another_run(attackers, tmp_path):
    mine = attackers.copy(tmp_path / "environment", tmp_path / "home")
    first, again = attacked(mine), attacked(mine)
    assert (first["shards"]["computed"], again["shards"]["computed"]) == (1, 0)
    part = first["record"]["model"]["parts"]["attacks.1"]
    assert (part["name"], part["distribution"]) == ("momentum/mifgsm", "zoo-momentum 1.0")
    assert part["options"] == {"steps": 3, "decay": 0.9} and part["source_sha256"]
    source = mine.packages / "zoo_momentum" / "decay.py"
    source.write_text(source.read_text().replace("1.0", "0.5"))
    edited = attacked(mine)
    assert edited["shards"]["computed"] == 1 and edited["record"]["key"] != first["record"]["key"]
    other = edited["record"]["model"]["parts"]
    assert other["attacks.1"]["source_sha256"] != part["source_sha256"]
    assert other["attacks.0"] == first["record"]["model"]["parts"]["attacks.0"]


def test_what_it_does_not_take_is_told_with_its_name(attackers):
    done = attackers.zoo(*RUN, "--attacks", "robust/fgsm,momentum/mifgsm:stepz=3")
    assert done.code == 2 and "momentum/mifgsm has no option 'stepz'" in done.out and "did you mean steps" in done.out
    done = attackers.zoo(*RUN, "--attacks", "robust/fgsm,momentum/cw")
    assert done.code == 2 and "momentum/cw" in done.out


def test_it_passes_the_checks(attackers):
    done = attackers.zoo("plugins", "check", "momentum", "--json")
    assert done.code == 0, done.out
