using System.CommandLine;
using Cilium.Hosts.Cli;
using Cilium.Hubble.Printing;

return await StandardOutput.RunAsync(output => CiliumCommand.Create().Parse(args).InvokeAsync(new InvocationConfiguration { Output = output }));
