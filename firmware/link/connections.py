"""Two connections at once, where there is memory for both: what is asked of "the service" is asked of them here."""

import asyncio

from lib import tasks


class Refusal:
    """In the place of a Link that cannot be: `status` says in words why. It is never connected, and takes nothing."""

    def __init__(self, status, name):
        self.status = status
        self._name = name

    async def run(self):
        """Never return."""
        await asyncio.Event().wait()

    def connected(self):
        """Return False."""
        return False

    def reached_ms(self):
        """Return 0: nobody was asked."""
        return 0

    def ask(self, what, detail):
        """Return why not, in words."""
        return self.status

    def pairs(self):
        """Return False."""
        return False

    def facts(self):
        """Return why there is no connection, as connection.Link.facts."""
        return [("Hub", self._name, self.status)]


class Links:
    """`links`: each a Link or a Refusal. It stands where a Link stands."""

    def __init__(self, links):
        self._links = links

    async def run(self):
        """Never return."""
        await tasks.together(*[link.run() for link in self._links])

    def connected(self):
        """Return whether one of the services at least has been greeted."""
        return any([link.connected() for link in self._links])

    def reached_ms(self):
        """Return when one of the services last said anything, as connection.Link.reached_ms."""
        return max([link.reached_ms() for link in self._links])

    def pairs(self):
        """Return whether one of the services waits for its pairing code."""
        return any([link.pairs() for link in self._links])

    def ask(self, what, detail):
        """Return "" when a service takes it, else why none does, in words. `what`, `detail`: as command.Service.ask.

        An emergency is for all of them, anything else for the first that takes it.
        """
        why = "there is no service"
        taken = False
        for link in self._links:
            if not taken or what == "emergency":
                words = link.ask(what, detail)
                taken = taken or not words
                why = words or why
        return "" if taken else why

    def facts(self):
        """Return how the connections stand: as connection.Link.facts, one behind the other."""
        return [fact for link in self._links for fact in link.facts()]
