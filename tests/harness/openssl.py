"""TLS, both sides, over OpenSSL by ctypes, for what Python's ssl module does not show.

Keying material for channel binding (RFC 9266), renegotiation, KeyUpdate, old versions and ciphers.
It wears as much of a socket's face as the raw client needs.
"""

import ctypes
import ctypes.util
import hashlib
import socket

_ssl = ctypes.CDLL(ctypes.util.find_library("ssl"))
_crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))

_P, _I, _L, _Z = ctypes.c_void_p, ctypes.c_int, ctypes.c_long, ctypes.c_size_t
for _lib, _name, _result, _args in (
    (_ssl, "TLS_client_method", _P, []),
    (_ssl, "TLS_server_method", _P, []),
    (_ssl, "SSL_CTX_new", _P, [_P]),
    (_ssl, "SSL_CTX_free", None, [_P]),
    (_ssl, "SSL_CTX_ctrl", _L, [_P, _I, _L, _P]),
    (_ssl, "SSL_CTX_set_cipher_list", _I, [_P, ctypes.c_char_p]),
    (_ssl, "SSL_CTX_set_alpn_protos", _I, [_P, ctypes.c_char_p, ctypes.c_uint]),
    (_ssl, "SSL_CTX_set_alpn_select_cb", None, [_P, _P, _P]),
    (_ssl, "SSL_CTX_set_verify", None, [_P, _I, _P]),
    (_ssl, "SSL_CTX_load_verify_locations", _I, [_P, ctypes.c_char_p, ctypes.c_char_p]),
    (_ssl, "SSL_CTX_use_certificate_chain_file", _I, [_P, ctypes.c_char_p]),
    (_ssl, "SSL_CTX_use_PrivateKey_file", _I, [_P, ctypes.c_char_p, _I]),
    (_ssl, "SSL_new", _P, [_P]),
    (_ssl, "SSL_free", None, [_P]),
    (_ssl, "SSL_ctrl", _L, [_P, _I, _L, ctypes.c_char_p]),
    (_ssl, "SSL_set_bio", None, [_P, _P, _P]),
    (_ssl, "SSL_set_connect_state", None, [_P]),
    (_ssl, "SSL_set_accept_state", None, [_P]),
    (_ssl, "SSL_get_servername", ctypes.c_char_p, [_P, _I]),
    (_ssl, "SSL_do_handshake", _I, [_P]),
    (_ssl, "SSL_read", _I, [_P, ctypes.c_char_p, _I]),
    (_ssl, "SSL_write", _I, [_P, ctypes.c_char_p, _I]),
    (_ssl, "SSL_shutdown", _I, [_P]),
    (_ssl, "SSL_get_error", _I, [_P, _I]),
    (_ssl, "SSL_get_version", ctypes.c_char_p, [_P]),
    (_ssl, "SSL_export_keying_material", _I,
     [_P, ctypes.c_char_p, _Z, ctypes.c_char_p, _Z, ctypes.c_char_p, _Z, _I]),
    (_ssl, "SSL_renegotiate", _I, [_P]),
    (_ssl, "SSL_key_update", _I, [_P, _I]),
    (_ssl, "SSL_get1_peer_certificate", _P, [_P]),
    (_ssl, "SSL_get_certificate", _P, [_P]),
    (_ssl, "SSL_get_finished", _Z, [_P, ctypes.c_char_p, _Z]),
    (_ssl, "SSL_get_peer_finished", _Z, [_P, ctypes.c_char_p, _Z]),
    (_ssl, "SSL_get_session", _P, [_P]),
    (_ssl, "SSL_SESSION_get_max_early_data", ctypes.c_uint32, [_P]),
    (_crypto, "i2d_X509", _I, [_P, ctypes.POINTER(ctypes.POINTER(ctypes.c_ubyte))]),
    (_crypto, "X509_free", None, [_P]),
    (_crypto, "BIO_s_mem", _P, []),
    (_crypto, "BIO_new", _P, [_P]),
    (_crypto, "BIO_read", _I, [_P, ctypes.c_char_p, _I]),
    (_crypto, "BIO_write", _I, [_P, ctypes.c_char_p, _I]),
    (_crypto, "ERR_get_error", ctypes.c_ulong, []),
    (_crypto, "ERR_reason_error_string", ctypes.c_char_p, [ctypes.c_ulong]),
    (_crypto, "ERR_clear_error", None, []),
):
    _function = getattr(_lib, _name)
    _function.restype, _function.argtypes = _result, _args

_WANT_READ, _ZERO_RETURN = 2, 6
_CTRL_MIN_PROTO, _CTRL_MAX_PROTO, _CTRL_SET_SNI = 123, 124, 55
_FILETYPE_PEM, _VERIFY_PEER, _SNI_HOST_NAME = 1, 1, 0
_ALPN_OK, _ALPN_NOACK = 0, 3
VERSIONS = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}


class TlsError(OSError):
    """The handshake or a record was refused; the text is OpenSSL's reason."""


class TlsSocket:
    def __init__(self, sock, host, version=None, ciphers=None, alpn=None):
        self.sock = sock
        self.ctx = _ssl.SSL_CTX_new(_ssl.TLS_client_method())
        if version:
            # Versions below 1.2 are shut by the default security level.
            assert _ssl.SSL_CTX_set_cipher_list(self.ctx, b"ALL:@SECLEVEL=0")
            _ssl.SSL_CTX_ctrl(self.ctx, _CTRL_MIN_PROTO, VERSIONS[version], None)
            _ssl.SSL_CTX_ctrl(self.ctx, _CTRL_MAX_PROTO, VERSIONS[version], None)
        if ciphers and not _ssl.SSL_CTX_set_cipher_list(self.ctx, ciphers.encode()):
            _crypto.ERR_clear_error()
            raise ValueError(f"this OpenSSL has no cipher for {ciphers}")
        if alpn:
            wire = b"".join(bytes([len(p)]) + p.encode() for p in alpn)
            assert _ssl.SSL_CTX_set_alpn_protos(self.ctx, wire, len(wire)) == 0
        self.ssl = _ssl.SSL_new(self.ctx)
        if host:
            _ssl.SSL_ctrl(self.ssl, _CTRL_SET_SNI, 0, host.encode() + b"\0")
        _ssl.SSL_set_connect_state(self.ssl)
        self._attach()

    def _attach(self):
        self.bio_in = _crypto.BIO_new(_crypto.BIO_s_mem())
        self.bio_out = _crypto.BIO_new(_crypto.BIO_s_mem())
        _ssl.SSL_set_bio(self.ssl, self.bio_in, self.bio_out)

    def handshake(self):
        self._drive(lambda: _ssl.SSL_do_handshake(self.ssl))

    def sendall(self, data):
        if data:
            self._drive(lambda: _ssl.SSL_write(self.ssl, data, len(data)))

    def recv(self, size):
        buffer = ctypes.create_string_buffer(size)
        got = self._drive(lambda: _ssl.SSL_read(self.ssl, buffer, size))
        return buffer.raw[:got]

    def settimeout(self, seconds):
        self.sock.settimeout(seconds)

    def fileno(self):
        return self.sock.fileno()

    def shutdown(self, how):
        self.sock.shutdown(how)

    def close_notify(self):
        _ssl.SSL_shutdown(self.ssl)
        self._flush()

    def close(self):
        if self.ssl:
            _ssl.SSL_free(self.ssl)
            _ssl.SSL_CTX_free(self.ctx)
            self.ssl = None
        self.sock.close()

    def version(self):
        return _ssl.SSL_get_version(self.ssl).decode()

    def exporter(self, label=b"EXPORTER-Channel-Binding", size=32):
        out = ctypes.create_string_buffer(size)
        # An empty context, which for TLS 1.3 is the same as none (RFC 9266, section 2).
        assert _ssl.SSL_export_keying_material(self.ssl, out, size, label, len(label), b"", 0, 1) == 1
        return out.raw

    def finished(self):
        """What tls-unique means after a full handshake (RFC 5929): the client's Finished."""
        out = ctypes.create_string_buffer(64)
        size = _ssl.SSL_get_finished(self.ssl, out, len(out))
        return out.raw[:size]

    def certificate(self):
        cert = _ssl.SSL_get1_peer_certificate(self.ssl)
        data = _der(cert)
        _crypto.X509_free(cert)
        return data

    def end_point(self):
        return hashlib.sha256(self.certificate()).digest()

    def max_early_data(self):
        """Bytes of 0-RTT data that the last ticket allows."""
        return _ssl.SSL_SESSION_get_max_early_data(_ssl.SSL_get_session(self.ssl))

    def renegotiate(self):
        """TLS 1.2: asks for a new handshake and drives it; TlsError when refused."""
        assert _ssl.SSL_renegotiate(self.ssl) == 1
        self._drive(lambda: _ssl.SSL_do_handshake(self.ssl))

    def key_update(self, answer=False):
        """TLS 1.3: one KeyUpdate record; answer: ask the peer for one too."""
        assert _ssl.SSL_key_update(self.ssl, 1 if answer else 0) == 1
        self._drive(lambda: _ssl.SSL_do_handshake(self.ssl))

    def _flush(self):
        buffer = ctypes.create_string_buffer(65536)
        while (got := _crypto.BIO_read(self.bio_out, buffer, len(buffer))) > 0:
            self._send_out(buffer.raw[:got])

    def _send_out(self, data):
        self.sock.sendall(data)

    def _drive(self, step):
        while True:
            if self.ssl is None:
                raise TlsError("closed by this side")
            _crypto.ERR_clear_error()
            result = step()
            error = _ssl.SSL_get_error(self.ssl, result) if result <= 0 else 0
            reason = _crypto.ERR_reason_error_string(_crypto.ERR_get_error()) or b"closed"
            self._flush()
            if result > 0:
                return result
            if error == _ZERO_RETURN:
                return 0
            if error != _WANT_READ:
                raise TlsError(reason.decode())
            data = self.sock.recv(65536)
            if not data:
                raise TlsError("the peer closed the connection")
            _crypto.BIO_write(self.bio_in, data, len(data))


_ALPN_CALLBACK = ctypes.CFUNCTYPE(
    _I, _P, ctypes.POINTER(_P), ctypes.POINTER(ctypes.c_ubyte), _P, ctypes.c_uint, _P)


class TlsServerSocket(TlsSocket):
    """The server's side. certificate: see certs.py; alpn: protocols to choose from, the best first;
    client_ca: ask for a certificate and check it against this file.

    After the handshake: server_name (SNI), offered_alpn, alpn.
    cut: called before the server's first flight with its bytes; may raise, see hostile.py.
    """

    def __init__(self, sock, certificate, version=None, client_ca=None, alpn=None, cut=None):
        self.sock, self.cut = sock, cut
        self.offered_alpn, self.alpn, self.server_name = [], None, None
        self.ctx = _ssl.SSL_CTX_new(_ssl.TLS_server_method())
        if version:
            assert _ssl.SSL_CTX_set_cipher_list(self.ctx, b"ALL:@SECLEVEL=0")
            _ssl.SSL_CTX_ctrl(self.ctx, _CTRL_MIN_PROTO, VERSIONS[version], None)
            _ssl.SSL_CTX_ctrl(self.ctx, _CTRL_MAX_PROTO, VERSIONS[version], None)
        chain, key = str(certificate.chain).encode(), str(certificate.key).encode()
        assert _ssl.SSL_CTX_use_certificate_chain_file(self.ctx, chain) == 1, chain
        assert _ssl.SSL_CTX_use_PrivateKey_file(self.ctx, key, _FILETYPE_PEM) == 1, key
        if client_ca:
            assert _ssl.SSL_CTX_load_verify_locations(self.ctx, str(client_ca).encode(), None) == 1
            _ssl.SSL_CTX_set_verify(self.ctx, _VERIFY_PEER, None)
        self._select = _ALPN_CALLBACK(lambda *a: self._choose(alpn or [], *a))
        _ssl.SSL_CTX_set_alpn_select_cb(self.ctx, ctypes.cast(self._select, _P), None)
        self.ssl = _ssl.SSL_new(self.ctx)
        _ssl.SSL_set_accept_state(self.ssl)
        self._attach()

    def _choose(self, wanted, _ssl_pointer, out, out_size, offered, size, _argument):
        wire, self.offered_alpn = ctypes.string_at(offered, size), []
        at = 0
        places = {}
        while at < size:
            protocol = wire[at + 1:at + 1 + wire[at]].decode()
            places[protocol] = at + 1
            self.offered_alpn.append(protocol)
            at += 1 + wire[at]
        for protocol in wanted:
            if protocol in places:
                self.alpn = protocol
                out[0], out_size[0] = offered + places[protocol], len(protocol)
                return _ALPN_OK
        return _ALPN_NOACK

    def handshake(self):
        super().handshake()
        name = _ssl.SSL_get_servername(self.ssl, _SNI_HOST_NAME)
        self.server_name = None if name is None else name.decode()

    def certificate(self):
        """Our own, as DER: what tls-server-end-point hashes."""
        return _der(_ssl.SSL_get_certificate(self.ssl))

    def finished(self):
        out = ctypes.create_string_buffer(64)
        size = _ssl.SSL_get_peer_finished(self.ssl, out, len(out))
        return out.raw[:size]

    def _send_out(self, data):
        if self.cut is not None:
            cut, self.cut = self.cut, None
            cut(data)
        super()._send_out(data)


def _der(certificate):
    out = ctypes.POINTER(ctypes.c_ubyte)()
    size = _crypto.i2d_X509(certificate, ctypes.byref(out))
    return ctypes.string_at(out, size)


def connect(address, host, **options):
    """TCP and TLS handshake; for direct TLS and for version and cipher tests."""
    sock = socket.create_connection(address, timeout=10)
    tls = TlsSocket(sock, host, **options)
    try:
        tls.handshake()
    except BaseException:
        tls.close()
        raise
    return tls
