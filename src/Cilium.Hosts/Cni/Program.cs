using Cilium.Hosts.Cni;
using Cilium.Hosts.Cni.Devices;
using Microsoft.Win32.SafeHandles;

// The descriptors themselves: the console's streams would start a thread that waits for signals.
var input = new byte[2048];
var length = 0;
if (Console.IsInputRedirected)
{
    using var standardInput = new FileStream(new SafeFileHandle(0, ownsHandle: false), FileAccess.Read, bufferSize: 0);
    int count;
    while ((count = standardInput.Read(input, length, input.Length - length)) > 0)
    {
        length += count;
        if (length == input.Length)
        {
            Array.Resize(ref input, 2 * length);
        }
    }
}

var (exitCode, output) = await new CniDispatcher(new VethPodNetwork(), TimeProvider.System)
    .RunAsync(Environment.GetEnvironmentVariable, input.AsMemory(0, length));
using var standardOutput = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
standardOutput.Write(output);
return exitCode;
