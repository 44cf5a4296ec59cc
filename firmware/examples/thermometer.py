"""A thermometer: /temp in degrees Celsius, for whom its owner allows, and told when it changes.

On a Pico this is the chip's own sensor; where there is none, a temperature that wanders.
To try it on a desktop, do with `leafkey server add thermo` and this file as lamp.py says.
"""

# The type check knows the unix port's machine module, which has no pins.
# pyright: reportCallIssue=false, reportAttributeAccessIssue=false
import asyncio
import os
import sys

from leafnode import Server

try:
    from machine import ADC
except ImportError:
    ADC = None

app = Server(port=int(sys.argv[1]) if sys.argv[1:] else 5683)


def chip_celsius(adc):
    """Read the RP2040's diode on ADC channel 4 (RP2040 datasheet section 4.9.5)."""
    volts = adc.read_u16() * 3.3 / 65535
    return round(27 - (volts - 0.706) / 0.001721, 1)


class WanderingSensor:
    """Goes up or down a tenth of a degree now and then."""

    def __init__(self):
        self._tenths = 215

    def read(self):
        self._tenths += os.urandom(1)[0] % 3 - 1
        return self._tenths / 10


wandering = WanderingSensor()


@app.resource("/temp", level="pop", observable=True)
async def temp(request):
    return str(wandering.read() if ADC is None else chip_celsius(ADC(4)))


async def tell():
    while True:
        await asyncio.sleep(10)
        app.notify("/temp")


async def main():
    await asyncio.gather(app.serve(), tell())


asyncio.run(main())
