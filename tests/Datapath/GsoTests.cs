using System.Buffers.Binary;
using Cilium.Bpf;
using static Cilium.DatapathTests.TestObject;

namespace Cilium.DatapathTests;

/// <summary>What the kernel's functions do with a packet that stands for several: the same on both engines.</summary>
public sealed class GsoTests
{
    private const int ChangeTail = 38, ChangeHead = 43, AdjustRoom = 50;
    private const int NotSupported = -524, Invalid = -22;
    private const int Segments = 164, Size = 176;
    private const int FixedGso = 1, AtMac = 1;

    [Theory]
    // A test run does not say of what the segments are: the room between headers cannot change.
    [InlineData(AdjustRoom, 20, AtMac, 0, 100, NotSupported)]
    [InlineData(AdjustRoom, 20, AtMac, FixedGso, 100, NotSupported)]
    [InlineData(AdjustRoom, -20, AtMac, 0, 100, NotSupported)]
    [InlineData(AdjustRoom, 20, AtMac, 0, 0, 0)]
    [InlineData(ChangeTail, 300, 0, 0, 100, 0)]
    [InlineData(ChangeTail, 80_000, 0, 0, 100, Invalid)]
    [InlineData(ChangeHead, 20, 0, 0, 100, 0)]
    public void A_function_that_changes_lengths_treats_segments_as_the_kernel_does(int function, int length, int third, int fourth, int gsoSize, int result)
    {
        using var obj = BpfObject.Open("gso", Build([
            Instruction(0xb7, 2, 0, 0, length), Instruction(0xb7, 3, 0, 0, third), Instruction(0xb7, 4, 0, 0, fourth), Instruction(0xbf, 6, 1),
            Instruction(0x85, 0, 0, 0, function), Instruction(0x67, 0, 0, 0, 32), Instruction(0xc7, 0, 0, 0, 32),
            // What is left of the segments, when it went well.
            Instruction(0x55, 0, 0, 1), Instruction(0x61, 0, 6, Size), Instruction(0x95)]), TestEngine.Create());
        obj.Load();
        using var program = obj.Program(TestObject.Program);
        var context = new byte[192];
        BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(Size), gsoSize);
        BinaryPrimitives.WriteInt32LittleEndian(context.AsSpan(Segments), gsoSize == 0 ? 0 : 3);
        var frame = new byte[14 + 20 + 20 + 300];
        (frame[12], frame[13], frame[14], frame[14 + 9], frame[14 + 32]) = (8, 0, 0x45, 6, 0x50);
        var run = program.TestRun(frame, new byte[1024], context);
        Assert.Equal(result != 0 ? result : function == ChangeTail ? 0 : gsoSize, run.Verdict);
        Assert.Equal(result == 0 && function == ChangeTail || gsoSize == 0 ? 0 : 3, BinaryPrimitives.ReadInt32LittleEndian(context.AsSpan(Segments)));
        Assert.Equal(gsoSize, BinaryPrimitives.ReadInt32LittleEndian(context.AsSpan(Size)));
    }
}
