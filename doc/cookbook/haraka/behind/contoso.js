'use strict'
// Who may be written to, by the port that the gateway comes to.
const fs = require('node:fs')

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
