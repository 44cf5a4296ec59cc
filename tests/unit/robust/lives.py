"""Lives of a server and a client, with the power cut at one step of the storing.

A life begins with provisioning, and has tickets, marks, reservations, changes, a fresh St, a
ratchet and being provisioned again in it. Whatever the step: no AT gets in twice, none is shown for
two messages, and both nodes are back at work without anybody's help.
"""

from leafkey.coap.numbers import PUT
from leafkey.pat.tokens import POP, SlotGrant
from tests.unit.robust.flash import Flash
from tests.unit.robust.house import WIDTH, House


def live(house: House):
    """From the first start on; requests wait for power where it is missing."""
    house.boot()
    for _ in range(2 * WIDTH + 1):
        house.served()
    house.served("/vent", PUT)
    house.sam.change({2: SlotGrant(1, 900, POP)}, n_clients=5)
    for _ in range(WIDTH + 1):
        house.served()
    house.sam.replace()
    house.served()
    house.sam.ratchet()
    house.served()
    for node in (house.server, house.client):
        node.provision()
        node.boot()
    house.served()


def look_back(house: House):
    """Both nodes start once more; nothing that was said gets in, and all goes on."""
    house.replay()
    for node in (house.server, house.client):
        node.flash.reboot(house.keeps_unsynced)
        node.boot()
    house.replay()
    house.served()
    house.served("/vent", PUT)


def lives(victim: str, keeps_unsynced: bool, make_flash=Flash) -> int:
    """One life for each step at which the victim's power may go; returns how many those are."""
    cut, went = 0, True
    while went:
        house = House(keeps_unsynced, make_flash)
        flash = getattr(house, victim).flash
        flash.cut_after = cut
        live(house)
        went = flash.cut_after is None
        look_back(house)
        cut += 1
    return cut
