using Cilium.Hosts.Hubble;

return await HubbleCommand.Create().Parse(args).InvokeAsync();
