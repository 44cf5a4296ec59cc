"""PAT under an application of the library microCoAPy: a socket for its `setCustomSocket`.

    coap = microcoapy.Coap()
    coap.responseCallback = received
    coap.setCustomSocket(PatSocket())

The package bears another name than the library on purpose: MicroPython imports the first folder
of a name on its path, so that one called microcoapy would hide the library.

What microCoAPy does with such a socket (github.com/insighio/microCoAPy, versions of 2020 to 2025):

- `sendto(datagram, address)`, a bytearray and what `getaddrinfo` gave: (numeric host, port); on the
  unix port the bytes of a struct sockaddr; where the name is not known, (name, port). What is above
  0 is success, and the application gets the message ID. 0 is a failure; so is an exception, which
  is printed.
- `recvfrom(1024)` -> (datagram, address). Any exception says that there is nothing. `loop` calls it
  once, `poll` again and again with a pause between, of 500 ms unless the application says another.
- `setblocking(flag)` before each `recvfrom`, and `setblocking(True)` behind it.
- `close()` in `stop`, and in `setCustomSocket` on the socket before.
- `isUnixCompatible()` in versions that otherwise split the address into two arguments.
- A request has a Uri-Host, be it an address, and Content-Formats of two bytes. Nothing is sent
  again. Of what arrives neither source, message ID nor token is checked; whatever is no empty ACK
  goes to the callback. Options behind the tenth take the payload with them.
- Blocks and Observe are not known. A payload that does not fit into 1024 bytes is left out of its
  request, which nobody below can tell from one that was meant to be empty.
"""

from leafcoapy.pat_socket import PatSocket

__all__ = ("PatSocket",)
