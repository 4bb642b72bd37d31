// Runs the shipped program of a pod's device in this process: no root, no kernel. dotnet run --project examples/programs/engine
using System.Net;
using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Datapath.Maps;

var engine = new InProcessEngine();
using var stream = typeof(EndpointRow).Assembly.GetManifestResourceStream("bpf/lxc.bpf.o")!;
var elf = new byte[stream.Length];
stream.ReadExactly(elf);
using var obj = BpfObject.Open("lxc", elf, engine);
obj.Load();

// Two pods: who stands on device 1 and 2, and at which address.
foreach (var (device, address) in new[] { (1u, "10.0.0.10"), (2u, "10.0.0.11") })
{
    var ip = Addr128.From(IPAddress.Parse(address));
    var pod = new EndpointRow(1000 + device, (ushort)device, EndpointFlags.Present, device, device, default, default, 0, ip, default);
    obj.Map<uint, EndpointRow>("cilium_devices").Update(device, pod);
    obj.Map<Addr128, EndpointRow>("cilium_lxc").Update(ip, pod);
}

using var packet = new BpfPacket();
packet.Load(Convert.FromHexString(
    "020000000001" + "020000000002" + "0800" + "4500001C00000000401100000A00000A0A00000B" + "9C40003500080000"));
packet.Ifindex = 1;
var verdict = obj.Program("cil_from_container").Run(packet);
Console.WriteLine($"verdict {verdict}: {packet.Redirect.Kind} of device {packet.Redirect.Ifindex}, time to live {packet.Bytes[22]}");
