"""What an actor may say about access: of what they own, and no more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from panneuro.access.actors import Actor, principal
from panneuro.access.policy import limited
from panneuro.access.statements import (
    Acceptance,
    Embargo,
    Grant,
    Key,
    Membership,
    Revocation,
    Statement,
    Terms,
)
from panneuro.core.errors import NotAllowedError, NotFoundError
from panneuro.core.query import EVERYTHING, Query
from panneuro.lake.granting import Issued, Until, query_of

if TYPE_CHECKING:
    from panneuro.lake.lake import Lake


class Sharing:
    """Grants, embargoes, terms, links and tokens that an actor makes and takes back.

    What they say reaches as far as what they own at that moment; what reached further is narrowed
    to it. A grant stays when who made it owns no more; owners see it and can take it back.

    Parameters
    ----------
    lake : Lake
        The whole lake.
    actor : Actor
        Who says it.
    """

    def __init__(self, lake: Lake, actor: Actor) -> None:
        self._lake = lake
        self._access = lake.access
        self.actor = actor

    def statements(self) -> list[Statement]:
        """Return what was said and holds, of what the actor owns, said, or was given."""
        return list(filter(self.concerns(), self._access.statements()))

    def concerns(self) -> Callable[[Statement], bool]:
        """Return what says of a statement whether the actor owns, said, or was given it."""
        owned = self._owned()
        return lambda one: self._concerns(one, owned)

    def revocable(self) -> Callable[[Statement], bool]:
        """Return what says of a statement whether the actor may take it back."""
        owned = self._owned()
        return lambda one: self._may_revoke(one, owned)

    def grant(
        self,
        to: str,
        role: str,
        on: str | Query,
        *,
        start: Until = "",
        until: Until = "",
        why: str = "",
    ) -> Grant:
        """Say that somebody may do something; see `panneuro.lake.granting.Access.grant`.

        Raises
        ------
        NotAllowedError
            If the actor owns nothing.
        """
        return self._access.grant(
            to, role, self._mine(on), start=start, until=until, why=why, by=self.actor
        )

    def embargo(self, on: str | Query, until: Until, *, why: str = "") -> Embargo:
        """Hide from everyone what they could see, until a date."""
        return self._access.embargo(self._mine(on), until, why=why, by=self.actor)

    def terms(self, on: str | Query, title: str, text: str = "", *, why: str = "") -> Terms:
        """Ask that something is accepted before data are read."""
        return self._access.terms(self._mine(on), title, text, why=why, by=self.actor)

    def link(self, on: str | Query, until: Until = timedelta(days=30), *, why: str = "") -> Issued:
        """Let whoever holds a secret read something, with no name and no account."""
        self._refuse_keys()
        return self._access.link(self._mine(on), until, why=why, by=self.actor)

    def token(
        self,
        until: Until = timedelta(days=90),
        *,
        role: str = "reader",
        within: str | Query = "",
        rig: str = "",
        why: str = "",
    ) -> Issued:
        """Return a token of the actor's own, or one for a rig that adds to what they own.

        Parameters
        ----------
        until : str, datetime or timedelta
            A year from now at most.
        role : str
            No verbs but those of this role.
        within : str or Query
            No assets but these.
        rig : str
            ``"rig:two"``; its token can only add.

        Raises
        ------
        NotAllowedError
            If the actor did not sign in: who came with a token cannot make a longer-lived one.
        """
        self._refuse_keys()
        if rig:
            acts_as, role, within = principal(rig), "adder", self._mine(within)
        else:
            acts_as = self.actor.principal
        if acts_as.partition(":")[0] != ("rig" if rig else "person"):
            raise self._refusal(f"have a token for {acts_as!r}")
        return self._access.token(acts_as, until, role=role, within=within, why=why, by=self.actor)

    def join(self, who: str, of: str, *, until: Until = "", why: str = "") -> Membership:
        """Say that somebody belongs to a group, which only who owns everything can."""
        if not self._owns(EVERYTHING, self._owned()):
            raise self._refusal("say who belongs to whom")
        return self._access.join(who, of, until=until, why=why, by=self.actor)

    def revoke(self, of: str, *, why: str = "") -> Revocation:
        """Take back what the actor said, or what is about what they own.

        Raises
        ------
        NotFoundError
            If nothing has that id that the actor may know of.
        NotAllowedError
            If it is not theirs.
        """
        owned = self._owned()
        found = [
            one
            for one in self._access.statements()
            if len(of) >= 8 and one.id.startswith(of) and self._concerns(one, owned)
        ]
        if len(found) != 1:
            raise NotFoundError(f"{len(found) or 'no'} statements have an id {of[:80]!r}")
        if not self._may_revoke(found[0], owned):
            raise self._refusal(f"take back the {found[0].kind} {of[:12]}")
        return self._access.revoke(found[0].id, why=why, by=self.actor)

    @property
    def owns_anything(self) -> bool:
        """Whether there is anything that the actor could grant."""
        return not self._owned().is_nothing

    def _owned(self) -> Query:
        return self._access.policy().allowed(self.actor, "grant", datetime.now(UTC))

    def _mine(self, on: str | Query) -> Query:
        """Return a query narrowed to what the actor owns."""
        if not self.owns_anything:
            raise self._refusal("grant anything: they own nothing")
        whole = self._lake.as_(self.actor).index
        return limited(query_of(on, whole), self._owned())

    def _refuse_keys(self) -> None:
        if self.actor.via:
            raise self._refusal("make a token or a link: they came with one")

    def _refusal(self, what: str) -> NotAllowedError:
        self._lake.audit.record("refused", self.actor, what)
        return NotAllowedError(f"{self.actor} may not {what}", hint="ask an owner of it")

    def _concerns(self, one: Statement, owned: Query) -> bool:
        if one.by == self.actor.principal:
            return True
        given = self._access.policy().principals(self.actor, datetime.now(UTC))
        match one:
            case Grant(to=to, on=on):
                return to in given or self._owns(on, owned)
            case Embargo(on=on) | Terms(on=on):
                return self._owns(on, owned)
            case Acceptance(who=who) | Membership(who=who) | Key(acts_as=who):
                return who == self.actor.principal or self._owns(EVERYTHING, owned)
            case Revocation(of=of):
                said = self._access.policy().statements
                return any(self._concerns(it, owned) for it in said if it.id == of)
        return False

    def _may_revoke(self, one: Statement, owned: Query) -> bool:
        actor = self.actor
        if actor.verbs is not None and "grant" not in actor.verbs:
            # A narrower key ends itself at most; a link, which several hold, not even that.
            return one.id == actor.via and not actor.principal.startswith("link:")
        match one:
            case Embargo(on=on) | Terms(on=on):
                # To take these back is to open something.
                return self._owns(on, owned)
            case Grant(on=on) if self._owns(on, owned):
                return True
            case Acceptance(who=who) | Key(acts_as=who) if who == self.actor.principal:
                return True
        return one.by == self.actor.principal or self._owns(EVERYTHING, owned)

    def _owns(self, on: Query, owned: Query) -> bool:
        return limited(on, owned) == on
