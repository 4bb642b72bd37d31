using Cilium.Hosts.Dbg;

return await DbgCommand.Create().Parse(args).InvokeAsync();
