# Exchange Online PowerShell. The name is the one in the tenant's certificate, and
# must be an accepted domain of this tenant.
New-InboundConnector -Name "From our gateway" -ConnectorType OnPremises `
  -SenderDomains * -RequireTls $true `
  -TlsSenderCertificateName gw-contoso.contoso.com `
  -CloudServicesMailEnabled $true
