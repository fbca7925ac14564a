// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

interface IInvoices {
    function payWithToken(bytes32 invoiceId, address token) external;
}

/// @notice A token with as many decimals as wanted, that anybody may mint: EURC (6) and EURe (18) for trials.
contract TrialToken is ERC20 {
    uint8 private _decimals;

    constructor(uint8 decimals_) ERC20("Trial euro", "EUR") {
        _decimals = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _decimals;
    }

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @notice Keeps a hundredth of what is sent.
contract FeeToken is TrialToken {
    constructor() TrialToken(6) {}

    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, value);
        super._update(from, to, value - value / 100);
        super._update(from, address(this), value / 100);
    }
}

/// @notice Pays the same invoice again while it is being paid.
contract ReentrantToken is TrialToken {
    constructor() TrialToken(6) {}

    function transferFrom(address from, address to, uint256 value) public override returns (bool) {
        (, bytes memory data) = msg.sender.staticcall(abi.encodeWithSignature("invoiceCount()"));
        if (data.length == 32 && _again != 0) {
            bytes32 invoiceId = _again;
            _again = 0;
            IInvoices(msg.sender).payWithToken(invoiceId, address(this));
        }
        return super.transferFrom(from, to, value);
    }

    bytes32 private _again;

    function arm(bytes32 invoiceId) external {
        _again = invoiceId;
    }
}

/// @notice Emits whatever log it is told: what a contract that is not the right one, or not a right one, could emit.
contract LogMill {
    uint64 public invoiceCount;
    bytes32 public invoiceChain;

    event InvoiceFinalized(
        bytes32 indexed invoiceId,
        bytes32 indexed debtorRef,
        bytes32 indexed agreementId,
        uint64 invoiceNo,
        uint128 amountMinor,
        bytes3 currency,
        uint64 periodStart,
        uint64 periodEnd,
        uint64 dueDate,
        bytes32 usageRoot,
        bytes32 documentHash
    );

    function emitLog(bytes32[] calldata topics, bytes calldata data) external {
        bytes memory copied = data;
        assembly {
            let start := add(copied, 32)
            let size := mload(copied)
            let t := topics.offset
            switch topics.length
            case 0 { log0(start, size) }
            case 1 { log1(start, size, calldataload(t)) }
            case 2 { log2(start, size, calldataload(t), calldataload(add(t, 32))) }
            case 3 { log3(start, size, calldataload(t), calldataload(add(t, 32)), calldataload(add(t, 64))) }
            case 4 {
                log4(start, size, calldataload(t), calldataload(add(t, 32)), calldataload(add(t, 64)), calldataload(add(t, 96)))
            }
        }
    }

    /// @notice Many invoices at once, counted and folded as the reference contract does: for measuring a reader.
    function finalizeMany(uint64 howMany, bytes32[] calldata debtors, uint64 periodStart) external {
        uint64 count = invoiceCount;
        bytes32 chain = invoiceChain;
        bytes3 currency = "EUR";
        for (uint64 i = 0; i < howMany; i++) {
            count++;
            bytes32 invoiceId = keccak256(abi.encode(block.chainid, address(this), count));
            bytes32 debtorRef = debtors[count % debtors.length];
            uint128 amount = 1_000 + count % 500_000;
            bytes32 digest = keccak256(
                abi.encode(
                    invoiceId, debtorRef, debtorRef, count, amount, currency,
                    periodStart, periodStart + 30 days, periodStart + 60 days, bytes32(0), bytes32(0)
                )
            );
            chain = keccak256(abi.encode(chain, invoiceId, digest));
            emit InvoiceFinalized(
                invoiceId, debtorRef, debtorRef, count, amount, currency,
                periodStart, periodStart + 30 days, periodStart + 60 days, bytes32(0), bytes32(0)
            );
        }
        invoiceCount = count;
        invoiceChain = chain;
    }
}
