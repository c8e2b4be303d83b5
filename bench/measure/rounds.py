"""Drives servers in turn, round by round, so that all of them see the same machine."""
from .server import medians


def measure(running, in_flight, rounds, seconds):
    """Medians over the rounds, by server's name and number of calls in flight."""
    samples = {server.name: {flight: [] for flight in in_flight} for server in running}
    for number in range(rounds):
        for flight in in_flight:
            # Forwards and backwards in turn, so that a drift of the machine favours nobody.
            for server in running if number % 2 == 0 else reversed(running):
                samples[server.name][flight].append(server.drive(flight, seconds))
    return {name: {flight: medians(per) for flight, per in flights.items()}
            for name, flights in samples.items()}
