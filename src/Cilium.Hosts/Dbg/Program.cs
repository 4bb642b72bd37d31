using System.CommandLine;
using Cilium.Hosts.Dbg;
using Cilium.Hubble.Printing;

return await StandardOutput.RunAsync(output => DbgCommand.Create().Parse(args).InvokeAsync(new InvocationConfiguration { Output = output }));
