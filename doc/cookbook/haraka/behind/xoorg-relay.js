'use strict'
// The gateway's two services. Verified mail goes anywhere: centralized mail transport,
// for a tenant with relay = true. Every client of that port can relay.
const fs = require('node:fs')

const read = () => fs.readFileSync('@MTA_ETC@/xoorg-domains', 'utf8').toLowerCase().split('\n')
const domains = new Set(read().filter((x) => x))

// The port that was connected to: XCLIENT puts another in its place.
exports.hook_connect_init = function (next, connection) {
    connection.notes.port ??= connection.local.port
    next()
}

exports.hook_rcpt = function (next, connection, params) {
    const port = connection.notes.port
    if (![@VERIFIED_PORT@, @ORDINARY_PORT@].includes(port)) return next()
    if (/[@%!\/|]/.test(params[0].user)) return next(DENY, 'restricted characters in address')
    if (domains.has(params[0].host?.toLowerCase())) return next()
    if (port === @VERIFIED_PORT@) {
        connection.transaction.notes.leaves = true
        return next(OK)
    }
    next(DENY, 'relay not permitted')
}
