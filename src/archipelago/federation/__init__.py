"""A server and its clients: who is asked in a round, what a client does, what is sent, how it is combined."""

from archipelago.federation.cohorts import Cohorts
from archipelago.federation.server import Batch, Client, Federation, Message, Reply

__all__ = ["Batch", "Client", "Cohorts", "Federation", "Message", "Reply"]
