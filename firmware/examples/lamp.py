"""A lamp: GET /lamp says whether it is on, PUT {"on": true} switches it, observers see both.

On a board the lamp is the LED; where there is none, a line that says so.

To try it on a desktop, after `make setup` and with `leafkey serve` running: `leafkey server add
lamp` writes lamp.identity. Put that into an empty directory as leafkey/identity, and start there
`MICROPYPATH=$REPO/shared:$REPO/firmware:.frozen micropython $REPO/firmware/examples/lamp.py 5685`;
the number is its UDP port.
"""

# The type check knows the unix port's machine module, which has no pins.
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false
import sys

from leafnode import BadRequest, Server

try:
    from machine import Pin

    led = Pin("LED", Pin.OUT)
except (ImportError, TypeError, ValueError):
    led = None


class Lamp:
    """Something that is on or off."""

    def __init__(self):
        self.is_on = False

    def switch(self, on):
        self.is_on = on
        if led is None:
            print("the lamp is", "on" if on else "off")
        else:
            led.value(on)


lamp = Lamp()
app = Server(port=int(sys.argv[1]) if sys.argv[1:] else 5683)


@app.resource("/lamp", level="pop", observable=True)
async def state(request):
    return {"on": lamp.is_on}


@app.resource("/lamp", methods=("PUT",), level="integrity")
async def switch(request):
    wanted = request.cbor
    if not isinstance(wanted, dict) or not isinstance(wanted.get("on"), bool):
        raise BadRequest('a lamp takes {"on": true} or {"on": false}')
    lamp.switch(wanted["on"])
    app.notify("/lamp")


app.run()
