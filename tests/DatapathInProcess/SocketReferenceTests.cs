using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using static Cilium.DatapathTests.TestObject;

namespace Cilium.DatapathTests;

/// <summary>What no program may do with a socket that it looked up, in both forms: the kernel's verifier refuses such programs.</summary>
public sealed class SocketReferenceTests
{
    private const int LookupUdp = 85, Release = 86, FullSocket = 95, Lookup = 99, LookupInstruction = 10;

    public static TheoryData<ExecutionForm> Forms => [ExecutionForm.Interpreted, ExecutionForm.Compiled];

    [Theory, MemberData(nameof(Forms))]
    public void A_socket_that_is_never_released_is_a_fault_of_the_instruction_that_took_it(ExecutionForm form)
    {
        var fault = Fails(form, [.. Find(LookupUdp), Instruction(0x95)]);
        Assert.Equal((LookupInstruction, "test"), (fault.Instruction, fault.Function));
        Assert.Contains("never released", fault.Message, StringComparison.Ordinal);
        Assert.Equal(1, Run(form, [.. Find(LookupUdp), .. Held(), .. Let(Release), Instruction(0xb7, 0, 0, 0, 1), Instruction(0x95)]));
        // What found nothing holds nothing.
        Assert.Equal(0, Run(form, [.. Find(LookupUdp), Instruction(0x95)], new BpfSocketTable()));
        Assert.Equal(0, Run(form, [.. Find(LookupUdp), Instruction(0x95)], null));
    }

    [Theory, MemberData(nameof(Forms))]
    public void What_was_released_is_neither_released_again_nor_read(ExecutionForm form)
    {
        ulong[] once = [.. Find(LookupUdp), .. Held(), .. Let(Release)];
        var fault = Fails(form, [.. once, Instruction(0xbf, 1, 6), .. Let(Release), Instruction(0x95)]);
        Assert.Equal((once.Length + 2, 1), (fault.Instruction, fault.Register));
        Assert.Contains("released", fault.Message, StringComparison.Ordinal);
        fault = Fails(form, [.. once, Instruction(0x61, 0, 6, 4), Instruction(0x95)]);
        Assert.Equal((once.Length + 1, 6), (fault.Instruction, fault.Register));
        Assert.Contains("a socket that was released", fault.Message, StringComparison.Ordinal);
        // Nor by the address of one that was taken in its place.
        fault = Fails(form, [.. once, Instruction(0xbf, 7, 6), .. Find(LookupUdp), .. Held(), Instruction(0x61, 0, 7, 4), Instruction(0x95)]);
        Assert.Contains("a socket that was released", fault.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Forms))]
    public void Fields_are_read_and_never_written_and_end(ExecutionForm form)
    {
        Assert.Equal(2, Run(form, [.. Find(LookupUdp), .. Held(), Instruction(0x61, 7, 6, 4), .. Let(Release), Instruction(0xbf, 0, 7), Instruction(0x95)]));
        Assert.Contains("write of 4 bytes at byte 16 of a socket", Fails(form, [.. Find(LookupUdp), .. Held(), Instruction(0x62, 6, 0, 16, 1), Instruction(0x95)]).Message, StringComparison.Ordinal);
        Assert.Contains("read of 4 bytes at byte 80 of a socket", Fails(form, [.. Find(LookupUdp), .. Held(), Instruction(0x61, 0, 6, 80), Instruction(0x95)]).Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Forms))]
    public void Of_what_may_be_a_request_only_the_common_fields_are_read_until_it_is_known_to_be_more(ExecutionForm form)
    {
        foreach (var state in new[] { BpfSocketState.Listen, BpfSocketState.TimeWait, BpfSocketState.NewSynReceived })
        {
            var isConnection = state != BpfSocketState.Listen;
            var table = Table(6, state, isConnection ? (ushort)50 : (ushort)0);
            Assert.Equal((int)state, Run(form, [.. Find(Lookup), .. Held(), Instruction(0x61, 7, 6, 72), .. Let(Release), Instruction(0xbf, 0, 7), Instruction(0x95)], table));
            var fault = Fails(form, [.. Find(Lookup), .. Held(), Instruction(0x61, 0, 6, 12), Instruction(0x95)], table);
            Assert.Contains("read of 4 bytes at byte 12 of a socket that may be a request", fault.Message, StringComparison.Ordinal);
            // The protocol, or nothing. Either address lets go of it.
            ulong[] full = [.. Find(Lookup), .. Held(), .. Let(FullSocket), Instruction(0xbf, 7, 0), Instruction(0x15, 7, 0, 1), Instruction(0x61, 7, 7, 12),
                Instruction(0xbf, 1, 6), .. Let(Release), Instruction(0xbf, 0, 7), Instruction(0x95)];
            Assert.Equal(isConnection ? 0 : 6, Run(form, full, table));
            // What is no socket yet is, for who asks for sockets only, its listener, and the rest of one nobody.
            ulong[] port = [.. Find(84), Instruction(0x15, 0, 0, 5), .. Held(), Instruction(0x61, 7, 6, 44), .. Let(Release), Instruction(0xbf, 0, 7), Instruction(0x95)];
            Assert.Equal(state switch { BpfSocketState.Listen => 53, BpfSocketState.NewSynReceived => 99, _ => 0 }, Run(form, port, table));
        }
    }

    [Theory, MemberData(nameof(Forms))]
    public void What_is_no_socket_is_refused(ExecutionForm form)
    {
        Assert.Contains("no socket", Fails(form, [Instruction(0xb7, 1), .. Let(Release), Instruction(0x95)]).Message, StringComparison.Ordinal);
        Assert.Contains("no socket", Fails(form, [.. Let(Release), Instruction(0x95)]).Message, StringComparison.Ordinal);
        Assert.Contains("not a socket", Fails(form, [Instruction(0xb7, 1), .. Let(FullSocket), Instruction(0x95)]).Message, StringComparison.Ordinal);
        Assert.Contains("no socket", Fails(form, [.. Find(LookupUdp), .. Held(), Instruction(0x07, 1, 0, 0, 4), .. Let(Release), Instruction(0x95)]).Message, StringComparison.Ordinal);
        Assert.Contains("a tuple without bytes", Fails(form, [Instruction(0xbf, 2, 10), Instruction(0xb7, 3), .. Let(Lookup), Instruction(0x95)]).Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Forms))]
    public void A_program_holds_so_many_sockets_and_no_more(ExecutionForm form)
    {
        var fault = Fails(form, [Instruction(0xb7, 8), .. Find(LookupUdp), Instruction(0x07, 8, 0, 0, 1), Instruction(0xa5, 8, 0, -12, 17), Instruction(0x95)]);
        Assert.Contains("more than 16 sockets", fault.Message, StringComparison.Ordinal);
    }

    private static BpfSocketTable Table(byte protocol = 17, BpfSocketState state = BpfSocketState.Close, ushort remotePort = 0)
    {
        var table = new BpfSocketTable();
        var listener = new BpfSocket { Family = 2, Protocol = protocol, LocalPort = 99, State = BpfSocketState.Listen };
        var socket = new BpfSocket
        {
            Family = 2,
            Protocol = protocol,
            LocalAddress = remotePort == 0 ? 0 : ((UInt128)0xFFFF << 32) | 0x0A000001,
            LocalPort = 53,
            RemoteAddress = remotePort == 0 ? 0 : ((UInt128)0xFFFF << 32) | 0x0A000002,
            RemotePort = remotePort,
            State = state,
            Listener = listener,
        };
        Assert.True(table.TryAdd(socket));
        return table;
    }

    /// <summary>Looks up who is at 10.0.0.1:53 for 10.0.0.2:50. The context is in register 9.</summary>
    private static ulong[] Find(int function) =>
    [
        Instruction(0xbf, 1, 9), Instruction(0x62, 10, 0, -12, 0x0200000A), Instruction(0x62, 10, 0, -8, 0x0100000A), Instruction(0x62, 10, 0, -4, 0x35003200),
        Instruction(0xbf, 2, 10), Instruction(0x07, 2, 0, 0, -12), Instruction(0xb7, 3, 0, 0, 12), Instruction(0xb7, 4, 0, 0, -1), Instruction(0xb7, 5), .. Let(function),
    ];

    private static ulong[] Held() => [Instruction(0xbf, 6, 0), Instruction(0xbf, 1, 6)];

    private static ulong[] Let(int function) => [Instruction(0x85, 0, 0, 0, function)];

    private static BpfFaultException Fails(ExecutionForm form, ulong[] code, BpfSocketTable? table = null)
    {
        var engine = new InProcessEngine(new InProcessOptions { Form = form });
        var fault = Assert.Throws<BpfFaultException>(() => Run(engine, code, table ?? Table()));
        // The run left nothing.
        Assert.Equal(0, Run(engine, [.. Find(LookupUdp), .. Held(), .. Let(Release), Instruction(0x95)], Table()));
        return fault;
    }

    private static int Run(ExecutionForm form, ulong[] code) => Run(form, code, Table());

    private static int Run(ExecutionForm form, ulong[] code, BpfSocketTable? table) => Run(new InProcessEngine(new InProcessOptions { Form = form }), code, table);

    private static int Run(InProcessEngine engine, ulong[] code, BpfSocketTable? table)
    {
        using var obj = BpfObject.Open("references", Build([Instruction(0xbf, 9, 1), .. code]), engine);
        obj.Load();
        using var program = obj.Program(TestObject.Program);
        using var packet = new BpfPacket();
        packet.Load(new byte[64]);
        packet.Sockets = table;
        return program.Run(packet);
    }
}
