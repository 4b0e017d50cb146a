'use strict'
// Who may be written to, and where the mailboxes are.
const fs = require('node:fs')
const outbound = require('./outbound')

const recipients = new Set(fs.readFileSync('@MTA_ETC@/recipients', 'utf8').split('\n'))

exports.hook_rcpt = function (next, connection, params) {
    const address = params[0].address()
    if (recipients.has(address)) return next(OK)
    next(DENY, `Unknown user ${address}`)
}

// smtp_forward says no SMTPUTF8, and knows one server alone; Haraka's own queue does.
exports.hook_queue = function (next, connection) {
    const { mail_from, rcpt_to, notes } = connection.transaction
    if (!notes.leaves && [mail_from, ...rcpt_to].every(
        (x) => /^[\x00-\x7f]*$/.test(x.address()))) return next()
    outbound.send_trans_email(connection.transaction, next)
}

exports.hook_get_mx = function (next, hmail, domain) {
    if (domain.toLowerCase() !== 'contoso.com') return next()
    next(OK, { priority: 0, exchange: '@NEXT_HOP@', port: @NEXT_HOP_PORT@ })
}
