using Cilium.Hosts.Cli;

return await CiliumCommand.Create().Parse(args).InvokeAsync();
