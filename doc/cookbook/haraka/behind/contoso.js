'use strict'
// Who may be written to, by the port that the gateway comes to.
const fs = require('node:fs')
const outbound = require('./outbound')

const recipients = new Set(fs.readFileSync('@MTA_ETC@/recipients', 'utf8').split('\n'))

exports.hook_rcpt = function (next, connection, params) {
    const address = params[0].address()
    if (params[0].host?.toLowerCase() === 'contoso.com') {
        if (recipients.has(address)) return next(OK)
        return next(DENY, `Unknown user ${address}`)
    }
    // Mail of our own tenant may go anywhere.
    if (connection.local.port === @VERIFIED_PORT@) return next(OK)
    next(DENY, 'I cannot deliver mail for ' + address)
}

// smtp_forward says no SMTPUTF8; Haraka's own queue does.
exports.hook_queue = function (next, connection) {
    const { mail_from, rcpt_to } = connection.transaction
    if ([mail_from, ...rcpt_to].every((x) => /^[\x00-\x7f]*$/.test(x.address()))) return next()
    outbound.send_trans_email(connection.transaction, next)
}

exports.hook_get_mx = (next) =>
    next(OK, { priority: 0, exchange: '@NEXT_HOP@', port: @NEXT_HOP_PORT@ })
