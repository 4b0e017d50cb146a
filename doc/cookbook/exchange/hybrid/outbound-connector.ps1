# Exchange Online PowerShell. The connector from Exchange Online to the gateway.
New-OutboundConnector -Name "To our gateway" -ConnectorType OnPremises `
  -UseMxRecord $false -SmartHosts gw.contoso.com -RecipientDomains contoso.com `
  -TlsSettings DomainValidation -TlsDomain gw.contoso.com `
  -CloudServicesMailEnabled $true
