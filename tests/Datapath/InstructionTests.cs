using Cilium.Bpf;
using static Cilium.DatapathTests.TestObject;

namespace Cilium.DatapathTests;

/// <summary>Random sequences of instructions on all engines: arithmetic, jumps, loads, stores and atomics end in the same registers.</summary>
public sealed class InstructionTests
{
    private const int Cases = 1000;
    private const int ContextBytes = 192;
    private const int Slots = 6;

    // Values are fetched atomically from slots that never hold a whole register: see The_verifier_forgets_where_a_fetched_value_came_from.
    private const int FetchSlots = 2;

    private static readonly int[] s_operations = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0];
    private static readonly int[] s_jumps = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
    private static readonly int[] s_numbers = [0, 1, -1, 2, 31, 32, 63, 64, 255, 0x7fff, -32768, int.MaxValue, int.MinValue];

    [Fact]
    public void Engines_execute_any_sequence_alike()
    {
        var engines = TestEngine.Compared();
        Differential.Check(Cases, 400, choices => Agree(engines, choices));
    }

    /// <summary>Found by a long run: 32 bits were divided by the lower half of a register that is used again.</summary>
    [Fact]
    public void A_divisor_keeps_its_upper_half()
    {
        const string Program = """
        BF1900000000000018000000A68E249000000000B2FFB5F318010000E46FE4A300000000897E4A3B18020000807EB9B70000000095EA1524180300004282ACD3
        00000000FFFFFFFF180400005F115A500000000047F925F11805000020B1AC7700000000DFD540D1619634000000000018070000BB02A9BA0000000000000000
        180800001B85A6F10000000021FDA4BD7B4AF8FF000000007B2AF0FF000000007B4AE8FF000000007B6AE0FF000000007B6AD8FF000000007B8AD0FF00000000
        1F24000000000000C7000000000000000F600000000000006F28000000000000660303009B8BDB901F5200000000000084020000000000002D26080000000000
        6C76000000000000D6060400319BDB15620AD0FFC6CE341E7E580400000000008704000000000000A4020000020000006E140700000000008407000000000000
        4F740000000000007C720000000000006A0AF2FF9938DE071D0007000000000061A3E8FF00000000DC08000010000000BC1610000000000071A8E1FF00000000
        AF7100000000000087080000000000003C170000000000002C0100000000000079A3F0FF0000000079A6F0FF00000000DC030000200000009C62000000000000
        6D700100000000002C700000000000000C810000000000005F0400000000000071A2D4FF00000000740500001F0000002F68000000000000620AFCFF679511F5
        2700000093010001AF100000000000002700000093010001AF200000000000002700000093010001AF300000000000002700000093010001AF40000000000000
        2700000093010001AF500000000000002700000093010001AF600000000000002700000093010001AF700000000000002700000093010001AF80000000000000
        79A1F8FF000000002700000093010001AF1000000000000079A1F0FF000000002700000093010001AF1000000000000079A1E8FF000000002700000093010001
        AF1000000000000079A1E0FF000000002700000093010001AF1000000000000079A1D8FF000000002700000093010001AF1000000000000079A1D0FF00000000
        2700000093010001AF10000000000000BF01000000000000770100002000000063093000000000006319340000000000AF100000000000009500000000000000
        """;
        AgreeOn(TestEngine.Compared(), Parse(Program), Context("EC2FB99007B11E3DEDE1698DE345D032D763FEA2"));
    }

    /// <summary>
    /// Found by a long run, and the kernel's: its verifier (6.18) learns something about register 1 and its copy on the stack on one side of a branch,
    /// decides a later branch by what was fetched atomically from that copy, and does not note that it did so by the copy. The other side of
    /// the first branch is then taken for the same, and the later branch is missing there. RFC 9669 knows no such thing, nor do the engines of this process.
    /// </summary>
    [Fact]
    public void The_verifier_forgets_where_a_fetched_value_came_from()
    {
        const string Program = """
        BF190000000000001800000063F7EB090000000029928A0661913C000000000061923000000000006702000035000000A70200007FE1D1E76193340000000000
        1804000058F4E30900000000571FBEE718050000F2D8C1B5000000001EC40EFA18060000E3282FD7000000000000000061973C0000000000180800008DA17BCA
        00000000000000007B2AF8FF000000007B8AF0FF000000007B2AE8FF000000007B2AE0FF000000007B3AD8FF000000007B1AD0FF00000000740400001F000000
        DB8AD8FF00000000CF550000000000000500000000000000C70800003F0000006C880000000000004E21020000000000C36AE8FF01000000570700003078121A
        2D80020000000000D400000020000000C407000008000000940701004354CFE5D408000040000000A4010000FFFFFFFF3C280100000000001C00000000000000
        89A4ECFF00000000DB5AD0FF51000000D4040000200000000C760000000000001700000011A2AFA4731AFBFF0000000026050400FFFFFF7F8707000000000000
        D70400001000000057080000B44DDACA9F53010000000000DB1AE0FF00000000C32AE0FF400000002E5004000000000061A4F0FF000000003F44010000000000
        620AECFF200000007C550000000000000F460000000000006C20000000000000C31AF0FF40000000BC08080000000000D7050000400000002700000093010001
        AF100000000000002700000093010001AF200000000000002700000093010001AF300000000000002700000093010001AF400000000000002700000093010001
        AF500000000000002700000093010001AF600000000000002700000093010001AF700000000000002700000093010001AF8000000000000079A1F8FF00000000
        2700000093010001AF1000000000000079A1F0FF000000002700000093010001AF1000000000000079A1E8FF000000002700000093010001AF10000000000000
        79A1E0FF000000002700000093010001AF1000000000000079A1D8FF000000002700000093010001AF1000000000000079A1D0FF000000002700000093010001
        AF10000000000000BF01000000000000770100002000000063093000000000006319340000000000AF100000000000009500000000000000
        """;
        var context = Context("46D086824097E4A3BEAEF5FBE47F5C951D7837C4");
        foreach (var engine in TestEngine.Compared()[1..])
            Assert.Equal((unchecked((int)0xD249B856), "A06F5CB4F6D71566BEAEF5FBE47F5C951D7837C4"), Run(engine, Parse(Program), context));
    }

    private static ulong[] Parse(string program) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, ulong>(Convert.FromHexString(program.ReplaceLineEndings("").Replace(" ", "", StringComparison.Ordinal))).ToArray();

    private static byte[] Context(string hex)
    {
        var context = new byte[ContextBytes];
        Convert.FromHexString(hex).CopyTo(context, 48);
        return context;
    }

    private static void Agree(BpfEngine[] engines, Choices choices)
    {
        var code = Generate(choices);
        var context = new byte[ContextBytes];
        for (var i = 48; i < 68; i++)
            context[i] = choices.Byte();
        AgreeOn(engines, code, context);
    }

    private static void AgreeOn(BpfEngine[] engines, ulong[] code, byte[] context)
    {
        var results = Array.ConvertAll(engines, engine => Run(engine, code, context));
        for (var i = 1; i < results.Length; i++)
            Assert.True(results[0] == results[i], $"{results[0]} and {results[i]} on engine {i} for {Convert.ToHexString(Build(code).AsSpan(64, code.Length * 8))}");
    }

    private static (int Verdict, string Context) Run(BpfEngine engine, ulong[] code, byte[] context)
    {
        var copy = (byte[])context.Clone();
        using var obj = BpfObject.Open("instructions", Build(code), engine);
        obj.Load();
        using var program = obj.Program(TestObject.Program);
        var run = program.TestRun(new byte[64], new byte[64], copy);
        return (run.Verdict, Convert.ToHexString(copy.AsSpan(48, 20)));
    }

    /// <summary>Fills registers 0 to 9 and slots of the frame, does things with them, and leaves a sum of all in register 0 and in the context.</summary>
    private static ulong[] Generate(Choices choices)
    {
        var code = new List<ulong> { Instruction(0xbf, 9, 1) };
        for (var r = 0; r < 9; r++)
        {
            if (choices.OneIn(3))
            {
                // Something that no verifier knows.
                code.Add(Instruction(0x61, r, 9, 48 + (4 * choices.Below(5))));
                if (choices.OneIn(2))
                    code.AddRange([Instruction(0x67, r, 0, 0, choices.Below(64)), Instruction(0xa7, r, 0, 0, (int)choices.Word())]);
                continue;
            }
            code.Add(Instruction(0x18, r, 0, 0, (int)choices.Word()));
            code.Add(Instruction(0, 0, 0, 0, choices.OneIn(3) ? -choices.Below(2) : (int)choices.Word()));
        }
        for (var slot = 1; slot <= Slots; slot++)
            code.Add(Instruction(0x7b, 10, choices.Below(9), -8 * slot));
        for (var place = -8 * (Slots + FetchSlots); place < -8 * Slots; place++)
            code.Add(Instruction(0x73, 10, choices.Below(9), place));
        var length = 5 + choices.Below(50);
        var body = new List<(ulong Code, int Skip)>();
        for (var i = 0; i < length; i++)
            body.Add(One(choices, length - i - 1));
        code.AddRange(body.Select(entry => entry.Code));
        for (var r = 1; r < 9; r++)
            code.AddRange([Instruction(0x27, 0, 0, 0, 0x01000193), Instruction(0xaf, 0, r)]);
        for (var slot = 1; slot <= Slots + FetchSlots; slot++)
            code.AddRange([Instruction(0x79, 1, 10, -8 * slot), Instruction(0x27, 0, 0, 0, 0x01000193), Instruction(0xaf, 0, 1)]);
        code.AddRange(
        [
            Instruction(0xbf, 1, 0), Instruction(0x77, 1, 0, 0, 32), Instruction(0x63, 9, 0, 48), Instruction(0x63, 9, 1, 52),
            Instruction(0xaf, 0, 1), Instruction(0x95),
        ]);
        return [.. code];
    }

    private static (ulong Code, int Skip) One(Choices choices, int rest)
    {
        var (destination, source) = (choices.Below(9), choices.Below(9));
        var number = choices.OneIn(2) ? choices.Of<int>(s_numbers) : (int)choices.Word();
        var place = -8 * (1 + choices.Below(Slots));
        switch (choices.Below(10))
        {
            case 0 when rest > 0:
                var distance = choices.Below(Math.Min(rest, 8) + 1);
                var jump = choices.OneIn(2) ? 5 : 6;
                if (choices.OneIn(10))
                    return (Instruction(choices.Of(0x05, 0x06)), 0);
                return choices.OneIn(2)
                    ? (Instruction(choices.Of<int>(s_jumps) | jump, destination, 0, distance, number), distance)
                    : (Instruction(choices.Of<int>(s_jumps) | 8 | jump, destination, source, distance), distance);
            case 1:
                var (size, step) = choices.Of((0x61, 4), (0x69, 2), (0x71, 1), (0x79, 8), (0x81, 4), (0x89, 2), (0x91, 1));
                return (Instruction(size, destination, 10, place + (step * choices.Below(8 / step))), 0);
            case 2:
                var (width, bytes) = choices.Of((0x63, 4), (0x6b, 2), (0x73, 1), (0x7b, 8));
                return choices.OneIn(2)
                    ? (Instruction(width, 10, source, place + (bytes * choices.Below(8 / bytes))), 0)
                    : (Instruction(width & ~1, 10, 0, place + (bytes * choices.Below(8 / bytes)), number), 0);
            case 3:
                var operation = choices.Of(0x00, 0x40, 0x50, 0xa0, 0x01, 0x41, 0x51, 0xa1, 0xe1, 0xf1);
                var isFetch = (operation & 1) != 0;
                return (Instruction(choices.OneIn(2) ? 0xdb : 0xc3, 10, source, isFetch ? -8 * (Slots + 1 + choices.Below(FetchSlots)) : place, operation), 0);
            default:
                return (Arithmetic(choices, destination, source, number), 0);
        }
    }

    private static ulong Arithmetic(Choices choices, int destination, int source, int number)
    {
        var is64 = choices.OneIn(2);
        var width = is64 ? 7 : 4;
        var usesRegister = choices.OneIn(2);
        var operation = choices.Of<int>(s_operations);
        switch (operation)
        {
            case 0x30 or 0x90:
                var signed = choices.Below(2);
                return usesRegister
                    ? Instruction(operation | 8 | width, destination, source, signed)
                    : Instruction(operation | width, destination, 0, signed, number == 0 ? 1 : number);
            case 0x60 or 0x70 or 0xc0:
                return usesRegister
                    ? Instruction(operation | 8 | width, destination, source)
                    : Instruction(operation | width, destination, 0, 0, (int)((uint)number % (is64 ? 64u : 32u)));
            case 0x80:
                return Instruction(operation | width, destination);
            case 0xb0 when usesRegister:
                return Instruction(operation | 8 | width, destination, source, is64 ? choices.Of(0, 8, 16, 32) : choices.Of(0, 8, 16));
            case 0xd0:
                return Instruction(choices.Of(0xd4, 0xdc, 0xd7), destination, 0, 0, choices.Of(16, 32, 64));
            default:
                return usesRegister ? Instruction(operation | 8 | width, destination, source) : Instruction(operation | width, destination, 0, 0, number);
        }
    }
}
