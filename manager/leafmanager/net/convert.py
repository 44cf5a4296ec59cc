"""Messages of aiocoap as messages of `leafkey.coap`, and back: the same options, byte for byte."""

import aiocoap
from aiocoap.numbers.codes import Code
from aiocoap.numbers.constants import TransportTuning
from aiocoap.numbers.optionnumbers import OptionNumber
from aiocoap.numbers.types import Type

from leafkey.coap.message import Message
from leafkey.coap.numbers import CON, NON


def from_aiocoap(message: aiocoap.Message) -> Message:
    """Return what a received message says; type, message ID and token stay with aiocoap."""
    options = [(int(option.number), option.encode()) for option in message.opt.option_list()]
    kind = NON if message.mtype is Type.NON else CON
    return Message(int(message.code or 0), options, message.payload, kind)


def to_aiocoap(message: Message, tuning: TransportTuning | None = None) -> aiocoap.Message:
    """Return a message for aiocoap to send; `tuning` bounds its retransmissions."""
    sent = aiocoap.Message(
        code=Code(message.code), payload=message.payload, transport_tuning=tuning
    )
    for number, value in message.options:
        sent.opt.add_option(OptionNumber(number).create_option(decode=value))
    return sent
