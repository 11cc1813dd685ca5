"""A view is of carriers: events of other aggregates go by."""

import json
from dataclasses import replace

import pytest

from app.application.ports.views import Changes, Parked
from app.domain.policy.adopt import POLICY_ID
from tests.application.projections.world import VIEWS, World, agrees
from tests.support.commits import event
from tests.support.policies import policy, requires
from tests.support.stores import soon


def adopt(world: World) -> None:
    """Append the policy's next event."""
    world.append(POLICY_ID, "PolicyAdopted", policy=policy(requires()))


def shown_without_the_policy(world: World) -> None:
    """The views show the carriers, at the feed's head, with nothing parked."""
    versions = dict(world.versions)
    del world.versions[POLICY_ID]
    agrees(world)
    world.versions.update(versions)
    for view in VIEWS:
        assert world.progress(view).checkpoint == world.feed.head(soon())
        assert not world.progress(view).parked


def test_a_view_passes_over_the_policy(world: World) -> None:
    """Carriers before and behind an adoption are there, and nothing else."""
    world.register("a")
    adopt(world)
    world.register("b")
    adopt(world)
    world.take_in()
    shown_without_the_policy(world)


def test_a_rebuild_passes_over_the_policy(world: World) -> None:
    """In a new generation as in the live one, also where the feed ends with an adoption."""
    world.register("a")
    adopt(world)
    world.take_in()
    projector = world.projector()
    building = world.views.begin(projector.projection.key, soon())
    while world.progress(building).checkpoint < world.feed.head(soon()):
        projector.step(building, soon())
    assert world.views.differences(VIEWS[0], building, soon()) == 0
    assert not world.progress(building).parked


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("more", [False, True])
def test_what_a_former_release_has_parked_is_released(
    world: World, asked: bool, more: bool
) -> None:
    """A release that did not know the event has parked the policy's stream. The next step of this
    one releases it, whether or not there are more events, and whether or not somebody has asked."""
    world.register("a")
    adopt(world)
    for view in VIEWS:
        projector = world.projector(view.name)
        projector.step(view, soon(), limit=1)
        parked = Parked(POLICY_ID, 1, 2, "this program knows no such event", 1)
        changes = Changes(checkpoint=2, parked=[parked])
        world.views.commit(view, world.progress(view), changes, soon())
        if asked:
            assert world.views.request(view, POLICY_ID, None, soon())
    if more:
        adopt(world)
    for view in VIEWS:
        world.projector(view.name).step(view, soon())
    shown_without_the_policy(world)


def test_an_unknown_event_of_the_policy_parks_nothing(world: World) -> None:
    """One of a later release: whose stream it is, its id says."""
    world.register("a")
    unknown = replace(event("PolicyRevoked", json.dumps({"why": "?"})))
    world._append(POLICY_ID, [unknown])
    world.take_in()
    shown_without_the_policy(world)
