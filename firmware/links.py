"""The connections of this device: one, or two where there is memory for both. What is asked of "the service" is asked here."""

import asyncio

from lib import tasks


class Refusal:
    """In the place of a Link that cannot be: `status` says in words why. It is never connected, and takes nothing."""

    def __init__(self, status):
        self.status = status

    async def run(self):
        """Never returns."""
        await asyncio.Event().wait()

    def connected(self):
        """False."""
        return False

    def ask(self, what, detail):
        """Why not, in words."""
        return self.status

    def pairs(self):
        """False."""
        return False

    def shown(self):
        """Nothing."""
        return ""


class Links:
    """`links`: a list of (name of the backend, its Link or a Refusal)."""

    def __init__(self, links):
        self._links = links

    async def run(self):
        """Never returns."""
        await tasks.together(*[link.run() for _, link in self._links])

    def connected(self):
        """True while one of the services at least has been greeted."""
        return any([link.connected() for _, link in self._links])

    def pairs(self):
        """True while one of the services waits for its pairing code."""
        return any([link.pairs() for _, link in self._links])

    def ask(self, what, detail):
        """ "" when a service takes it; why none does, in words. `what`, `detail`: as command.Service.ask.

        An emergency is for all of them, anything else for the first that takes it.
        """
        why = "there is no service"
        taken = False
        for _, link in self._links:
            if not taken or what == "emergency":
                words = link.ask(what, detail)
                taken = taken or not words
                why = words or why
        return "" if taken else why

    def facts(self):
        """How the connections stand, and what a person should see: (group, name, value), all texts."""
        found = []
        for name, link in self._links:
            found.append(("Hub", name, link.status))
            if link.shown():
                found.append(("Hub", "Says", link.shown()))
        return found
