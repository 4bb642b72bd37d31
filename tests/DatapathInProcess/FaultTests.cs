using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using static Cilium.DatapathTests.TestObject;

namespace Cilium.DatapathTests;

/// <summary>Programs that the kernel would refuse end with a fault that says where, in both forms, and leave the engine usable.</summary>
public sealed class FaultTests
{
    private const int R0 = 0, R1 = 1, R2 = 2, R3 = 3, Frame10 = 10;

    public static TheoryData<ExecutionForm> Forms => [ExecutionForm.Interpreted, ExecutionForm.Compiled];

    [Theory, MemberData(nameof(Forms))]
    public void Reading_behind_the_packet_is_a_fault(ExecutionForm form)
    {
        var fault = Fails(form, Instruction(0x61, R2, R1, 76), Instruction(0x71, R0, R2, 64), Instruction(0x95));
        Assert.Equal((1, 2), (fault.Instruction, fault.Register));
        Assert.Contains("byte 64 of a packet of 64", fault.Message, StringComparison.Ordinal);
    }

    [Theory, MemberData(nameof(Forms))]
    public void Null_is_a_fault(ExecutionForm form) =>
        Assert.Contains("null", Fails(form, Instruction(0xb7, R2), Instruction(0x79, R0, R2), Instruction(0x95)).Message, StringComparison.Ordinal);

    [Theory, MemberData(nameof(Forms))]
    public void Writing_above_the_frame_is_a_fault(ExecutionForm form) =>
        Assert.Equal(10, Fails(form, Instruction(0x7b, Frame10, R0), Instruction(0x95)).Register);

    [Theory, MemberData(nameof(Forms))]
    public void Writing_a_field_of_the_context_that_is_not_ours_is_a_fault(ExecutionForm form) =>
        Assert.Contains("byte 80 of the context", Fails(form, Instruction(0x63, R1, R1, 80), Instruction(0x95)).Message, StringComparison.Ordinal);

    [Theory, MemberData(nameof(Forms))]
    public void A_loop_without_end_uses_up_the_budget(ExecutionForm form) =>
        Assert.Contains("more than 1000000 instructions", Fails(form, Instruction(0x05, 0, 0, -1), Instruction(0x95)).Message, StringComparison.Ordinal);

    [Theory, MemberData(nameof(Forms))]
    public void Calls_without_end_are_a_fault(ExecutionForm form) =>
        Assert.Contains("nested deeper than 8", Fails(form, Instruction(0x85, 0, 1, 0, -1), Instruction(0x95)).Message, StringComparison.Ordinal);

    [Theory, MemberData(nameof(Forms))]
    public void A_number_in_the_place_of_a_map_is_a_fault(ExecutionForm form)
    {
        var fault = Fails(form, Instruction(0xb7, R1, 0, 0, 5), Instruction(0xbf, R2, Frame10), Instruction(0x85, 0, 0, 0, 1), Instruction(0x95));
        Assert.Equal((2, 1), (fault.Instruction, fault.Register));
    }

    [Theory, MemberData(nameof(Forms))]
    public void A_helper_that_is_given_too_much_memory_faults(ExecutionForm form) => Fails(
        form, Instruction(0xbf, R3, Frame10), Instruction(0x07, R3, 0, 0, -8), Instruction(0xb7, R2), Instruction(0xb7, 4, 0, 0, 4096),
        Instruction(0x85, 0, 0, 0, 26), Instruction(0x95));

    [Theory, MemberData(nameof(Forms))]
    public void An_atomic_operation_that_is_not_aligned_is_a_fault(ExecutionForm form) =>
        Fails(form, Instruction(0xdb, Frame10, R0, -12), Instruction(0x95));

    [Theory]
    [InlineData(4, 0x71, 0, "read of 1 bytes at byte 64 of a packet of 64")]
    [InlineData(8, 0x71, -1, "read of 1 bytes at byte -1 of a packet of 64")]
    [InlineData(4, 0x72, 1, "write of 1 bytes at byte 65 of a packet of 64")]
    public void An_XDP_program_that_leaves_its_packet_faults(int field, int opcode, short offset, string reason)
    {
        foreach (var form in Forms)
        {
            var fault = Fails("xdp", form, Instruction(0x61, R2, R1, field), Instruction(opcode, opcode == 0x72 ? R2 : R0, R2, offset), Instruction(0x95));
            Assert.Equal((1, 2), (fault.Instruction, fault.Register));
            Assert.Contains(reason, fault.Message, StringComparison.Ordinal);
        }
    }

    [Theory, MemberData(nameof(Forms))]
    public void An_XDP_program_writes_nothing_of_its_context_and_reads_nothing_behind(ExecutionForm form)
    {
        Assert.Contains("byte 16 of the context", Fails("xdp", form, Instruction(0x63, R1, R1, 16), Instruction(0x95)).Message, StringComparison.Ordinal);
        Assert.Contains("byte 24 of the context", Fails("xdp", form, Instruction(0x61, R0, R1, 24), Instruction(0x95)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_XDP_program_cannot_call_what_is_for_classifiers()
    {
        using var obj = BpfObject.Open("faults", Build([Instruction(0x85, 0, 0, 0, 26), Instruction(0x95)], "xdp"), new InProcessEngine());
        Assert.Contains("skb_load_bytes", Assert.Throws<BpfObjectException>(obj.Load).Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(4096), InlineData(113), InlineData(-1)]
    public void An_unknown_helper_is_an_error_of_the_load_that_names_it_and_the_program(int number)
    {
        using var obj = BpfObject.Open("faults", Build([Instruction(0x85, 0, 0, 0, number), Instruction(0x95)]), new InProcessEngine());
        var error = Assert.Throws<BpfObjectException>(obj.Load);
        Assert.Equal(("tc", TestObject.Program), (error.Section, error.Symbol));
        Assert.Contains($"{number}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0xff), InlineData(0x8d), InlineData(0x20), InlineData(0xe7)]
    public void What_is_no_instruction_is_an_error_of_the_load(int opcode)
    {
        using var obj = BpfObject.Open("faults", Build([Instruction(opcode), Instruction(0x95)]), new InProcessEngine());
        Assert.Contains("instruction 0", Assert.Throws<BpfObjectException>(obj.Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Code_that_jumps_out_or_has_no_end_is_an_error_of_the_load()
    {
        foreach (var code in new ulong[][] { [Instruction(0x05, 0, 0, 5), Instruction(0x95)], [Instruction(0xb7)], [Instruction(0x18), Instruction(0x95)] })
        {
            using var obj = BpfObject.Open("faults", Build(code), new InProcessEngine());
            Assert.Throws<BpfObjectException>(obj.Load);
        }
    }

    [Theory, MemberData(nameof(Forms))]
    public void A_fault_in_a_shipped_program_names_the_line_of_source(ExecutionForm form)
    {
        using var bench = new Bench(["lxc"], engine: new InProcessEngine(new InProcessOptions { Form = form, InstructionBudget = 10 }));
        var fault = Assert.Throws<BpfFaultException>(() => bench.Run("cil_from_container", new byte[60]));
        Assert.Equal("cil_from_container", fault.Program);
        Assert.Contains("lxc.bpf.c:", fault.SourceLine, StringComparison.Ordinal);
    }

    private static BpfFaultException Fails(ExecutionForm form, params ulong[] code) => Fails("tc", form, code);

    private static BpfFaultException Fails(string section, ExecutionForm form, params ulong[] code)
    {
        var engine = new InProcessEngine(new InProcessOptions { Form = form, InstructionBudget = 1_000_000 });
        using var obj = BpfObject.Open("faults", Build(code, section), engine);
        obj.Load();
        using var program = obj.Program(TestObject.Program);
        var fault = Assert.Throws<BpfFaultException>(() => program.TestRun(new byte[64], new byte[64]));
        using var good = BpfObject.Open("good", Build([Instruction(0xb7, R0, 0, 0, 7), Instruction(0x95)]), engine);
        good.Load();
        using var seven = good.Program(TestObject.Program);
        Assert.Equal(7, seven.TestRun(new byte[64], new byte[64]).Verdict);
        return fault;
    }
}
