using Cilium.Hosts.Cni;
using Cilium.Hosts.Cni.Devices;

using var standardInput = Console.OpenStandardInput();
using var input = new MemoryStream();
if (Console.IsInputRedirected)
{
    standardInput.CopyTo(input);
}

var (exitCode, output) = await new CniDispatcher(new VethPodNetwork(), TimeProvider.System)
    .RunAsync(Environment.GetEnvironmentVariable, input.ToArray());
using var standardOutput = Console.OpenStandardOutput();
standardOutput.Write(output);
return exitCode;
