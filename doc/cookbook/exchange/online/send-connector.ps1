# Exchange Management Shell, on premises. By way of the gateway.
Set-SendConnector "Outbound to Office 365" -SmartHosts gw.contoso.com `
  -DNSRoutingEnabled $false -RequireTLS $true `
  -TlsAuthLevel DomainValidation -TlsDomain gw.contoso.com `
  -CloudServicesMailEnabled $true
