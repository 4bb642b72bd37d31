using Cilium.Hosts.Cni;
using Cilium.Hosts.Cni.Devices;
using Microsoft.Win32.SafeHandles;

// The descriptors themselves: the console's streams would start a thread that waits for signals.
using var input = new MemoryStream();
if (Console.IsInputRedirected)
{
    using var standardInput = new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);
    standardInput.CopyTo(input);
}

var (exitCode, output) = await new CniDispatcher(new VethPodNetwork(), TimeProvider.System)
    .RunAsync(Environment.GetEnvironmentVariable, input.ToArray());
using var standardOutput = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
standardOutput.Write(output);
return exitCode;
