'use strict'
// Mail to the domains that live in Exchange goes by way of the gateway.
const fs = require('node:fs')
const outbound = require('./outbound')

const read = () => fs.readFileSync('@MTA_ETC@/xoorg-domains', 'utf8').toLowerCase().split('\n')
const domains = new Set(read().filter((x) => x))

exports.hook_queue = function (next, connection) {
    if (!connection.transaction.rcpt_to.every((x) => domains.has(x.host?.toLowerCase())))
        return next()
    outbound.send_trans_email(connection.transaction, next)
}

exports.hook_get_mx = function (next, hmail, domain) {
    if (!domains.has(domain.toLowerCase())) return next()
    next(OK, { priority: 0, exchange: '@OUT_HOST@', port: @OUT_PORT@ })
}
