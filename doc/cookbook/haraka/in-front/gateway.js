'use strict'
// Everything from this machine goes by way of the gateway.
exports.hook_connect = function (next, connection) {
    if (connection.remote.ip === '127.0.0.1') connection.relaying = true
    next()
}

exports.hook_rcpt = (next, connection) => next(connection.relaying ? OK : DENY)

exports.hook_get_mx = (next) =>
    next(OK, { priority: 0, exchange: '127.0.0.1', port: @OUT_PORT@ })
