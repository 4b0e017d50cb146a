# Exchange Management Shell, on premises. Announces XOORG to our gateway, too.
# Both entries: the first is what the Hybrid Configuration Wizard set.
Set-ReceiveConnector "EX1\Default Frontend EX1" -TlsDomainCapabilities @(
  "mail.protection.outlook.com:AcceptCloudServicesMail",
  "gw.contoso.com:AcceptCloudServicesMail")
