using Cilium.Bpf;

namespace Cilium.DatapathTests;

/// <summary>A namespace with two devices and sockets, and the programs of lookup.bpf.c in it.</summary>
internal interface ILookupBench : IDisposable
{
    /// <summary>Opens a socket, or both ends of a connection; false where the kernel refuses.</summary>
    bool Open(TestSocket socket);

    /// <summary>Closes all sockets.</summary>
    void CloseAll();

    /// <summary>Asks by a program, for a packet that came by a device (1 or 2).</summary>
    LookupAnswer Ask(string program, LookupQuestion question, int device = 1);

    internal static BpfObject Load(BpfEngine engine)
    {
        using var stream = typeof(ILookupBench).Assembly.GetManifestResourceStream("lookup.bpf.o")!;
        var elf = new byte[stream.Length];
        stream.ReadExactly(elf);
        var obj = BpfObject.Open("lookup", elf, engine);
        obj.Load();
        return obj;
    }
}
