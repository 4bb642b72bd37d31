using System.CommandLine;
using Cilium.Hosts.Hubble;
using Cilium.Hubble.Printing;

return await StandardOutput.RunAsync(output => HubbleCommand.Create().Parse(args).InvokeAsync(new InvocationConfiguration { Output = output }));
